"""The asset `monitoring_report`: a partition a day, which shows the pass that the monitor made on it.

Belongs here: a pass, or what is kept of one, as Dagster shows it. Not here: the pass (`operations.monitoring`), what is kept
(`operations.past_passes`), when passes are made (`orchestration.monitoring`).

A day's partition is the day of the pass in UTC and not the last day of its rows: a shop whose rows are late, or end years ago, is
looked at today all the same. Of passes on one day the last one shows.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from pricecast_dagster.operations import monitoring, past_passes, retraining
from pricecast_dagster.operations.monitoring import Pass
from pricecast_dagster.orchestration.jobs import REASON_TAG
from pricecast_dagster.orchestration.resources import PricecastResource
from pricecast_dagster.storage.monitor_passes import MonitorPass
from pricecast_dagster.storage.monitor_results import MonitorResult

DAY_TAG = "pricecast/monitored_day"
FIRST_DAY = "2026-01-01"
LISTED = 100
TICK_TAKES = timedelta(minutes=1)
"""At most, from the clock that a sensor read to the run it asked for."""

# `end_offset`: a day is there from its beginning, not only when it is over.
days_partitions = dg.DailyPartitionsDefinition(start_date=FIRST_DAY, timezone="UTC", end_offset=1)


@dg.asset(
    name="monitoring_report",
    # Of all products and not of those of a day: they have no days. So no partition is named: a backfill of products would go
    # on to every day there was. A group of its own, or "Materialize all" of the four stages would take it along.
    deps=[dg.AssetDep(dg.AssetKey("forecast"), partition_mapping=dg.SpecificPartitionsPartitionMapping([]))],
    partitions_def=days_partitions,
    group_name="monitoring",
    kinds={"python"},
    description="Served forecasts against what happened, drift, trials and retrain requests: the monitor's pass of each day. "
    "Today's partition makes a pass; that of a past day shows what is kept of its pass, for nothing can be looked at afterwards.",
)
def monitoring_report(context: dg.AssetExecutionContext, stores: PricecastResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Make a pass, whose requests wait until `retraining_due` lets them through; or show what is kept of a past day's."""
    stage_context = stores.open(context.run.run_id)
    day = date.fromisoformat(context.partition_key)
    if day not in _asked_on(context):
        kept = past_passes.of_day(stage_context, day)
        record, shown = kept.record, _metadata(kept.record, kept.findings)
    else:
        done = monitoring.monitor(
            stage_context, lambda count, total: context.log.info(f"{count} of {total} products measured."), release=False
        )
        record, shown = done.record, _metadata(done.record, done.findings) | _decided(done)
        context.instance.add_run_tags(context.run.run_id, {REASON_TAG: _told(done)})
    context.instance.add_run_tags(context.run.run_id, {DAY_TAG: str(record.day)})
    return dg.MaterializeResult(metadata=shown)


def _asked_on(context: dg.AssetExecutionContext) -> set[date]:
    """The day on which the run was asked for, or the two at midnight; one that waits over midnight is still that day's."""
    record = context.instance.get_run_record_by_id(context.run.run_id)
    asked = (record.create_timestamp if record is not None else datetime.now(UTC)).astimezone(UTC)
    return {asked.date(), (asked - TICK_TAKES).date()}


def _told(done: Pass) -> str:
    counts = done.record.counts
    return f"rows until {done.record.day}: {len(done.findings)} findings, {counts['asked']} products to retrain"


def _metadata(record: MonitorPass, findings: Sequence[MonitorResult]) -> dict[str, dg.MetadataValue]:
    """What the UI shows of any pass."""
    found = [{"sku": one.sku, "what": one.kind, "found": one.verdict} for one in findings]
    counts = {name: dg.MetadataValue.int(count) for name, count in record.counts.items()}
    return _tables({"findings": found}) | {
        "day": dg.MetadataValue.text(str(record.day)),
        "served": dg.MetadataValue.md(_served(record)),
        "portfolio": dg.MetadataValue.json(dict(record.portfolio)),
        **counts,
    }


def _decided(done: Pass) -> dict[str, dg.MetadataValue]:
    """What the UI shows of a pass that was just made: what it asks for and why, and how trials stand."""
    due = [
        {"sku": sku, "rule": one.rule.value, "over its limit": f"{one.severity:.2f}", "why": retraining.tell(one)}
        for sku, one in sorted(done.due.items(), key=lambda item: -item[1].severity)
    ]
    trials = [
        {"sku": one.trial.sku, "version": one.trial.version, "is": one.status.value, "why": one.told} for one in done.verdicts
    ]
    return _tables({"due": due, "trials": trials})


def _tables(tables: Mapping[str, Sequence[Mapping[str, str]]]) -> dict[str, dg.MetadataValue]:
    """Those that have rows, each with at most LISTED."""
    return {
        name: dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in rows[:LISTED]])
        for name, rows in tables.items()
        if rows
    }


def _served(record: MonitorPass) -> str:
    """Served accuracy by window, as a table in Markdown."""
    lines = [
        "| days back | products | error over the last price's | inside 80 % | inside 95 % |",
        "| --- | --- | --- | --- | --- |",
    ]
    served = record.portfolio.get("served")
    for window, found in served.items() if isinstance(served, dict) else ():
        names = ("products", "mae_over_last_price", "coverage_80", "coverage_95")
        lines.append("| " + " | ".join([str(window), *(str(found.get(name, "")) for name in names)]) + " |")
    return "\n".join(lines)
