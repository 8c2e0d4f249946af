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
from pricecast_dagster.storage import ingests, monitor_results, products, states, summaries
from pricecast_dagster.storage.alerts import Severity

FAILED: Final = "failed"
SOURCE: Final = "source"
RUN: Final = "run"
MONITOR: Final = "monitor"
GOOD: Final = "ok"


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
    """What the monitor's last pass found of each active product."""
    with context.database.read() as connection:
        results = monitor_results.latest(connection, products.active_skus(connection))
    return [
        Finding(
            MONITOR,
            f"{MONITOR}:{result.kind}:{result.sku}",
            Severity.WARNING,
            f"{result.kind}: {result.verdict}",
            "",
            result.sku,
            dict(result.measures),
        )
        for result in results.values()
        if result.verdict != GOOD
    ]
