"""The monitor in Dagster: its job, when it runs, and when what it asks for is trained.

Belongs here: starting passes and released requests. Not here: the asset of a pass (`orchestration.monitor_days`), the pass
(`operations.monitoring`), budget and requests (`operations.retraining`), training (the job `refresh`).

The chain: rows arrive and are refreshed, `monitoring_due` starts a pass, the pass leaves requests that wait, `retraining_due`
lets the worst through within the day's budget and starts one `refresh` with their reasons in its tags.
"""

from collections.abc import Sequence
from hashlib import blake2b

import dagster as dg

from pricecast_dagster.operations import monitoring, retraining
from pricecast_dagster.orchestration.jobs import COUNT_TAG, REASON_TAG, UNFINISHED, refresh_job, run_config
from pricecast_dagster.orchestration.monitor_days import monitoring_report
from pricecast_dagster.orchestration.resources import PricecastResource
from pricecast_dagster.storage.requests import RetrainRequest
from pricecast_dagster.storage.staleness import REQUESTED

MONITOR_JOB = "monitor"
REQUESTS_TAG = "pricecast/retrain_requests"
LISTED = 100


monitor_job = dg.define_asset_job(
    MONITOR_JOB,
    selection=dg.AssetSelection.assets(monitoring_report),
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
        stage_context = stores.open()
        reason = monitoring.is_due(stage_context)
        if reason is None:
            return dg.SkipReason("The last pass of the monitor saw the newest rows there are.")
        # A pass that failed on these rows is tried again by the schedule, not every few seconds.
        return dg.RunRequest(run_key=reason, partition_key=str(stage_context.clock().date()), tags={REASON_TAG: reason})

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

    @dg.schedule(
        job=monitor_job,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="A pass of the monitor each day, also when no rows came: models grow older all the same.",
    )
    def monitor_daily(stores: PricecastResource) -> dg.RunRequest:
        # The day of the tick and not the one it was meant for: a tick made up for later is a pass of today.
        return dg.RunRequest(partition_key=str(stores.open().clock().date()))

    return [monitoring_due, retraining_due], [monitor_daily]


def reasons(released: Sequence[RetrainRequest]) -> str:
    """`retrain request: shift (2), accuracy (1)`, the worst first."""
    counts: dict[str, int] = {}
    for request in released:
        counts[request.reason] = counts.get(request.reason, 0) + 1
    return f"{REQUESTED}: " + ", ".join(f"{reason} ({count})" for reason, count in counts.items())


def _digest(ids: Sequence[int]) -> str:
    return "requests-" + blake2b(",".join(map(str, ids)).encode(), digest_size=8).hexdigest()
