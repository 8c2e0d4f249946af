"""The monitor in Dagster: the asset `monitoring_report`, its job, when it runs, and when what it asks for is trained.

Belongs here: wiring a pass and released requests to Dagster. Not here: the pass (`operations.monitoring`), budget and requests
(`operations.retraining`), training (the job `refresh`).

The chain: rows arrive and are refreshed, `monitoring_due` starts a pass, the pass leaves requests that wait, `retraining_due`
lets the worst through within the day's budget and starts one `refresh` with their reasons in its tags.
"""

from collections.abc import Sequence
from hashlib import blake2b

import dagster as dg

from pricecast_dagster.operations import monitoring, retraining
from pricecast_dagster.operations.monitoring import Pass
from pricecast_dagster.orchestration.jobs import COUNT_TAG, REASON_TAG, UNFINISHED, refresh_job, run_config
from pricecast_dagster.orchestration.resources import PricecastResource
from pricecast_dagster.storage.requests import RetrainRequest
from pricecast_dagster.storage.staleness import REQUESTED

MONITOR_JOB = "monitor"
REQUESTS_TAG = "pricecast/retrain_requests"
DAY_TAG = "pricecast/monitored_day"
LISTED = 100


@dg.asset(
    name="monitoring_report",
    deps=[dg.AssetKey("forecast")],
    group_name="pricecast",
    kinds={"python"},
    description="Served forecasts against what happened, drift, trials and retrain requests: one pass over the portfolio.",
)
def monitoring_report(context: dg.AssetExecutionContext, stores: PricecastResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Make one pass; what it asks for waits until `retraining_due` lets it through."""
    stage_context = stores.open(context.run.run_id)
    done = monitoring.monitor(
        stage_context, lambda count, total: context.log.info(f"{count} of {total} products measured."), release=False
    )
    counts = done.record.counts
    context.instance.add_run_tags(context.run.run_id, {DAY_TAG: str(done.record.day), REASON_TAG: _told(done)})
    return dg.MaterializeResult(metadata=_metadata(done) | {name: dg.MetadataValue.int(count) for name, count in counts.items()})


monitor_job = dg.define_asset_job(
    MONITOR_JOB,
    selection=dg.AssetSelection.assets("monitoring_report"),
    description="One pass of the monitor over stored rows and forecasts. Started after every day of new rows and on a schedule.",
)


def build_monitoring(seconds: int, cron: str) -> tuple[list[dg.SensorDefinition], list[dg.ScheduleDefinition]]:
    """The sensors, looking every so many seconds, and the schedule."""

    @dg.sensor(
        job=monitor_job,
        minimum_interval_seconds=seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Makes a pass of the monitor when rows of a later day have come and the forecasts from them are made.",
    )
    def monitoring_due(context: dg.SensorEvaluationContext, stores: PricecastResource) -> dg.RunRequest | dg.SkipReason:
        if context.instance.get_runs(dg.RunsFilter(job_name=MONITOR_JOB, statuses=UNFINISHED), limit=1):
            return dg.SkipReason("A pass of the monitor is under way.")
        if context.instance.get_runs(dg.RunsFilter(job_name=refresh_job.name, statuses=UNFINISHED), limit=1):
            return dg.SkipReason("A refresh is under way; the monitor looks when it is done.")
        reason = monitoring.is_due(stores.open())
        if reason is None:
            return dg.SkipReason("The last pass of the monitor saw the newest rows there are.")
        # A pass that failed on these rows is tried again by the schedule, not every few seconds.
        return dg.RunRequest(run_key=reason, tags={REASON_TAG: reason})

    @dg.sensor(
        job=refresh_job,
        minimum_interval_seconds=seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Lets retrain requests through as far as the day's budget of trials and minutes goes, worst first.",
    )
    def retraining_due(context: dg.SensorEvaluationContext, stores: PricecastResource) -> dg.RunRequest | dg.SkipReason:
        stage_context = stores.open()
        waiting = retraining.waiting(stage_context)
        if not waiting:
            return dg.SkipReason("No retrain request waits.")
        released = retraining.release(stage_context)
        if not released:
            left = retraining.budget(stage_context)
            return dg.SkipReason(
                f"{len(waiting)} retrain requests wait for tomorrow: {left.trials_left} of {left.trials} trials and "
                f"{left.minutes_left:.0f} of {left.minutes:.0f} minutes of today are left."
            )
        ids = [request.id for request in released]
        config = run_config(sorted(request.sku for request in released), only_stale=True, source="never")
        tags = {REASON_TAG: reasons(released), COUNT_TAG: str(len(released)), REQUESTS_TAG: ",".join(map(str, ids[:LISTED]))}
        # Should the daemon die before it has started the run, `out_of_date` finds the released requests.
        return dg.RunRequest(run_key=_digest(ids), run_config=config, tags=tags)

    schedule = dg.ScheduleDefinition(
        name="monitor_daily",
        job=monitor_job,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="A pass of the monitor each day, also when no rows came: models grow older all the same.",
    )
    return [monitoring_due, retraining_due], [schedule]


def reasons(released: Sequence[RetrainRequest]) -> str:
    """`retrain request: shift (2), accuracy (1)`, the worst first."""
    counts: dict[str, int] = {}
    for request in released:
        counts[request.reason] = counts.get(request.reason, 0) + 1
    return f"{REQUESTED}: " + ", ".join(f"{reason} ({count})" for reason, count in counts.items())


def _told(done: Pass) -> str:
    counts = done.record.counts
    return f"rows until {done.record.day}: {len(done.findings)} findings, {counts['asked']} products to retrain"


def _metadata(done: Pass) -> dict[str, dg.MetadataValue]:
    """The tables that the UI shows; each at most LISTED rows."""
    found = [{"sku": one.sku, "what": one.kind, "found": one.verdict} for one in done.findings[:LISTED]]
    due = [
        {"sku": sku, "rule": one.rule.value, "over its limit": f"{one.severity:.2f}", "why": retraining.tell(one)}
        for sku, one in sorted(done.due.items(), key=lambda item: -item[1].severity)[:LISTED]
    ]
    trials = [
        {"sku": one.trial.sku, "version": one.trial.version, "is": one.status.value, "why": one.told} for one in done.verdicts
    ]
    tables = {"findings": found, "due": due, "trials": trials[:LISTED]}
    shown: dict[str, dg.MetadataValue] = {
        name: dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in rows]) for name, rows in tables.items() if rows
    }
    return shown | {
        "day": dg.MetadataValue.text(str(done.record.day)),
        "served": dg.MetadataValue.md(_served(done)),
        "portfolio": dg.MetadataValue.json(dict(done.record.portfolio)),
    }


def _served(done: Pass) -> str:
    """Served accuracy by window, as a table in Markdown."""
    lines = [
        "| days back | products | error over the last price's | inside 80 % | inside 95 % |",
        "| --- | --- | --- | --- | --- |",
    ]
    served = done.record.portfolio.get("served")
    for window, found in served.items() if isinstance(served, dict) else ():
        names = ("products", "mae_over_last_price", "coverage_80", "coverage_95")
        lines.append("| " + " | ".join([str(window), *(str(found.get(name, "")) for name in names)]) + " |")
    return "\n".join(lines)


def _digest(ids: Sequence[int]) -> str:
    return "requests-" + blake2b(",".join(map(str, ids)).encode(), digest_size=8).hexdigest()
