"""Health of the portfolio: four questions about all products at once, each answered with counts, names and the next step.

Belongs here: the questions. Not here: how a product stands (`operations.portfolio`), checks of one product (`stages`), showing
answers (`orchestration.portfolio_checks`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from pricecast_dagster.schemas import Stage
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.storage import ingests, products, states, summaries
from pricecast_dagster.storage.state_records import StageState

NAMED: Final = 10

REJECTED_SHARE: Final = "rejected_share"
SOURCE_FRESHNESS: Final = "source_freshness"
NONE_FAILED: Final = "none_left_failed"
NONE_OLD: Final = "none_too_old"


@dataclass(frozen=True, slots=True)
class Answer:
    """One question's answer.

    Attributes:
        name: of the check; stage: the asset that it belongs to.
        passed: whether all is well.
        told: what was found, with counts, and the next step where one is needed.
        counts: the figures; sample: names of products, at most NAMED.
    """

    name: str
    stage: Stage
    passed: bool
    told: str
    counts: dict[str, float] = field(default_factory=dict)
    sample: tuple[str, ...] = ()


def examine(context: StageContext) -> list[Answer]:
    """All questions, from one look at the database (10,000 products: a few hundredths of a second)."""
    settings, today = context.settings, context.clock().date()
    with context.database.read() as connection:
        last = ingests.last_finished(connection)
        active = len(products.active_skus(connection))
        failed = states.failed(connection)
        newest = summaries.forecasts(connection).newest_origin
        old = summaries.origins_before(connection, today - timedelta(days=settings.check_forecast_days))
    return [
        _rejected(last, settings.check_rejected_share),
        _source(last, None if newest is None else (today - newest).days, settings.check_source_days),
        _failed(failed, active),
        _old(old, active, settings.check_forecast_days),
    ]


def _rejected(last: ingests.Finished | None, limit: float) -> Answer:
    if last is None:
        return Answer(REJECTED_SHARE, Stage.RAW_HISTORY, True, "The source was never read in full.")
    lines, taken = last.counts.get("lines", 0), last.counts.get("taken", 0)
    share = (lines - taken) / lines if lines else 0.0
    reasons = {what: count for what, count in last.counts.items() if what.startswith("rejected")}
    worst = ", ".join(f"{what} {count:,}" for what, count in sorted(reasons.items(), key=lambda item: -item[1])[:3])
    found = f"{lines - taken:,} of {lines:,} lines ({share:.1%}) were not taken{': ' + worst if worst else ''}."
    remedy = f" More than {limit:.0%} is a fault of the source: `pricecast why SKU` names the rows." if share > limit else ""
    return Answer(REJECTED_SHARE, Stage.RAW_HISTORY, share <= limit, found + remedy, {"lines": lines, "share": share})


def _source(last: ingests.Finished | None, age_days: int | None, limit: int) -> Answer:
    if last is None or age_days is None:
        remedy = "Nothing was forecast yet: set PRICECAST_SOURCE and run `pricecast refresh`."
        return Answer(SOURCE_FRESHNESS, Stage.RAW_HISTORY, False, remedy)
    found = f"The newest day of the source is {age_days} days old; it was last read at {last.finished_at:%Y-%m-%d %H:%M} UTC."
    remedy = f" More than {limit} days: is the export of the retailer still running?" if age_days > limit else ""
    return Answer(SOURCE_FRESHNESS, Stage.RAW_HISTORY, age_days <= limit, found + remedy, {"age_days": age_days})


def _failed(failed: Sequence[StageState], active: int) -> Answer:
    skus = sorted({state.sku for state in failed})
    if not skus:
        return Answer(NONE_FAILED, Stage.FORECAST, True, f"None of {active:,} products is left failed.", {"failed": 0})
    stages = {stage: sum(state.stage is stage for state in failed) for stage in Stage}
    found = ", ".join(f"{stage} {count:,}" for stage, count in stages.items() if count)
    told = (
        f"{len(skus):,} of {active:,} products are left failed ({found}): {_names(skus)}. A product is tried again when its data "
        "changes; `pricecast why SKU` says what to correct, materializing its partition tries it now."
    )
    return Answer(NONE_FAILED, Stage.FORECAST, False, told, {"failed": len(skus)}, tuple(skus[:NAMED]))


def _old(old: Sequence[str], active: int, limit: int) -> Answer:
    if not old:
        told = f"Every forecast begins within {limit} days of today."
        return Answer(NONE_OLD, Stage.FORECAST, True, told, {"old": 0})
    told = (
        f"{len(old):,} of {active:,} products have had no new day for more than {limit} days: {_names(old)}. "
        "Their forecasts begin in the past: look whether the source still has them."
    )
    return Answer(NONE_OLD, Stage.FORECAST, False, told, {"old": len(old)}, tuple(old[:NAMED]))


def _names(skus: Sequence[str]) -> str:
    return ", ".join(skus[:NAMED]) + (", ..." if len(skus) > NAMED else "")
