"""Findings: what is wrong right now, read from what is on record; each with a subject by which it is known again.

Belongs here: one function a kind of finding. Not here: whether anybody is told (`operations.digests`), what Dagster alone knows
of (a failed run: `orchestration.alerts`), measuring accuracy and drift (`operations.monitoring`).

A finding is a condition and not an event: a look that finds it again tells nothing new, one that does not find it has found it
resolved. Nothing depends on having seen the moment at which it began, so a look may be missed, or come twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Final

from pricecast_dagster.errors import PricecastError
from pricecast_dagster.sources.fingerprint import cheap_fingerprint
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.storage import ingests, monitor_passes, monitor_results, states, summaries, trials
from pricecast_dagster.storage.alerts import Severity
from pricecast_dagster.storage.trials import TrialStatus

FAILED: Final = "failed"
SOURCE: Final = "source"
RUN: Final = "run"
MONITOR: Final = "monitor"
TRIAL: Final = "trial"
"""The monitor's kind for how trials ended: news and no condition; a rollback is told here for two days, then it is over."""

ROLLBACK_TOLD_FOR: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: failed, source, run, monitor; what is looked at together, so that what is missing in a look is resolved.
        subject: the kind and whom it concerns.
        told: what is wrong, in words; remedy: what to do.
        evidence: JSON-able figures and ids.
    """

    kind: str
    subject: str
    severity: Severity
    told: str
    remedy: str = ""
    sku: str | None = None
    evidence: Mapping[str, object] = field(default_factory=dict)


def failed_products(context: StageContext) -> list[Finding]:
    """Products whose last attempt failed; one finding a product, of the stage that failed first."""
    with context.database.read() as connection:
        failed = states.failed(connection)
    found: dict[str, Finding] = {}
    for state in reversed(failed):
        found.setdefault(
            state.sku,
            Finding(
                FAILED,
                f"{FAILED}:{state.sku}",
                Severity.ERROR,
                f"{state.stage.value.replace('_', ' ')} failed: {state.error}",
                "It is tried again when its data changes; `pricecast why` has the whole story.",
                state.sku,
                {"stage": state.stage.value, "run_id": state.run_id},
            ),
        )
    return list(found.values())


def source(context: StageContext) -> list[Finding]:
    """A source that is not there, could not be read, or has had no news for too long."""
    try:
        cheap_fingerprint(context.settings)
    except PricecastError as error:
        return [_of_source(Severity.ERROR, f"The source cannot be looked at: {error.args[0]}", error.remedy)]
    with context.database.read() as connection:
        last = ingests.recent(connection, 1)
        newest = summaries.newest_day(connection)
    if last and last[0].error is not None:
        evidence = {"run_id": last[0].run_id, "ingest": last[0].id}
        return [_of_source(Severity.ERROR, f"The source could not be read: {last[0].error}", "", evidence)]
    if newest is None:
        return []
    age = context.clock() - datetime.combine(newest + timedelta(days=1), time(), UTC)
    if age > timedelta(days=context.settings.alert_source_days):
        told = f"The newest day in the source is {newest}; it ended {age.days} days ago."
        remedy = "Look whether the delivery of prices has stopped."
        return [_of_source(Severity.WARNING, told, remedy, {"newest_day": str(newest)})]
    return []


def _of_source(severity: Severity, told: str, remedy: str, evidence: Mapping[str, object] | None = None) -> Finding:
    return Finding(SOURCE, SOURCE, severity, told, remedy, evidence=evidence or {})


def monitored(context: StageContext) -> list[Finding]:
    """What the monitor's last pass found of each product and of the portfolio, and models that were rolled back lately."""
    since = context.clock() - ROLLBACK_TOLD_FOR
    with context.database.read() as connection:
        found = monitor_results.found(connection)
        passes = monitor_passes.recent(connection, 1)
        ended = trials.ended_since(connection, since)
    products = [_of_monitor(result.kind, result.sku, result.verdict, result.measures) for result in found if result.kind != TRIAL]
    whole = passes[0].portfolio.get("found") if passes else None
    portfolio = [_of_monitor("portfolio", None, "; ".join(map(str, whole)), {})] if isinstance(whole, list) and whole else []
    back = [
        _of_monitor("rollback", one.sku, one.decision, {"version": one.version, "rival": one.rival})
        for one in ended
        if one.status is TrialStatus.ROLLED_BACK
    ]
    return [*products, *portfolio, *back]


def _of_monitor(what: str, sku: str | None, told: str, evidence: Mapping[str, object]) -> Finding:
    subject = f"{MONITOR}:{what}" + (f":{sku}" if sku is not None else "")
    return Finding(MONITOR, subject, Severity.WARNING, f"{what}: {told}", "", sku, dict(evidence))
