"""The portfolio: how many products are fresh, stale, answered by a simple method, failed, drifting; and which need attention.

Belongs here: counting and choosing. Not here: showing (`api`, `cli`), and measuring drift (`operations.monitoring`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from pricecast_dagster.operations.findings import TRIAL
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.shared import codes_in_force
from pricecast_dagster.storage import monitor_results, products, states, summaries

LISTED: Final = 100
WORSE: Final = 1.0


@dataclass(frozen=True, slots=True)
class Attention:
    """A product that needs a look.

    Attributes:
        kind: failed, worse than naive, drift, fallback; the gravest first where there are several.
        told: in words.
    """

    sku: str
    name: str
    kind: str
    told: str


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Counts of active products; a product may count in several.

    Attributes:
        fresh: nothing of it is out of date, and nothing failed.
        stale: something of it is out of date: the next refresh works on it.
        fallback: a simple method answers, or nothing yet.
        failed: its last attempt failed.
        drifting: the monitor's last word of it is not `ok`.
        worse_than_naive: its model's held-out error is larger than the best simple method's.
        oldest_origin, newest_origin: last known days of the forecasts.
        coverage: nominal percent -> mean measured share over all models.
        attention: the gravest first, at most LISTED; attention_count: all of them.
    """

    products: int
    fresh: int
    stale: int
    fallback: int
    failed: int
    drifting: int
    worse_than_naive: int
    oldest_origin: date | None
    newest_origin: date | None
    made_at: datetime | None
    coverage: Mapping[str, float]
    attention: tuple[Attention, ...]
    attention_count: int


def portfolio(context: StageContext) -> Portfolio:
    """Count and choose; one look at the whole portfolio (10,000 products: about 0.3 s)."""
    codes = codes_in_force(context.database, context.settings, context.calendar)
    with context.database.read() as connection:
        names = products.names(connection)
        due = {item.sku for item in states.out_of_date(connection, codes, None)}
        failed = {state.sku: state.error or "" for state in reversed(states.failed(connection))}
        drifting = {one.sku: one for one in monitor_results.found(connection) if one.kind != TRIAL}
        ratios = summaries.ratios(connection)
        forecast = summaries.forecasts(connection)
        without = summaries.without_model(connection)
    drifting = {sku: result for sku, result in drifting.items() if sku in names}
    worse = {sku: ratio for sku, ratio in ratios.items() if ratio > WORSE}
    found: dict[str, Attention] = {}
    for kind, reasons in (
        ("failed", failed),
        ("worse than naive", {sku: _worse(worse[sku]) for sku in sorted(worse, key=lambda sku: -worse[sku])}),
        ("drift", {sku: f"{result.kind}: {result.verdict}" for sku, result in sorted(drifting.items())}),
        ("fallback", without),
    ):
        for sku, told in reasons.items():
            found.setdefault(sku, Attention(sku, names[sku], kind, told))
    return Portfolio(
        products=len(names),
        fresh=len(set(names) - due - set(failed)),
        stale=len(due),
        fallback=len(without),
        failed=len(failed),
        drifting=len(drifting),
        worse_than_naive=len(worse),
        oldest_origin=forecast.oldest_origin,
        newest_origin=forecast.newest_origin,
        made_at=forecast.made_at,
        coverage=forecast.coverage,
        attention=tuple(list(found.values())[:LISTED]),
        attention_count=len(found),
    )


def _worse(ratio: float) -> str:
    return f"{ratio:.2f} of the best simple method's error on held-out days"
