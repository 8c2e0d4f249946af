"""Schedules: what happens by the clock: a full read of the source, and maintenance.

Belongs here: times and what they start. Not here: what is started by looking (`sensors`).
"""

import dagster as dg

from pricecast_dagster.orchestration.jobs import REASON_TAG, SOURCE_TAG, refresh_job, run_config
from pricecast_dagster.orchestration.maintenance import maintenance_job
from pricecast_dagster.settings import Settings

NIGHTLY = "nightly full read"


def build_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """The schedules, at the times of the settings (UTC)."""

    @dg.schedule(
        name="nightly_scan",
        job=refresh_job,
        cron_schedule=settings.scan_schedule,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Reads the whole source, whatever its file times, and brings up to date what differs.",
    )
    def nightly_scan(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        tags = {SOURCE_TAG: NIGHTLY, REASON_TAG: NIGHTLY}
        return dg.RunRequest(run_key=_run_key(context), run_config=run_config(source="always"), tags=tags)

    @dg.schedule(
        name="nightly_maintenance",
        job=maintenance_job,
        cron_schedule=settings.maintenance_schedule,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Gives up what is past its retention, as `pricecast maintenance --apply` does.",
    )
    def nightly_maintenance(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(run_key=_run_key(context), tags={REASON_TAG: "nightly maintenance"})

    return [nightly_scan, nightly_maintenance]


def _run_key(context: dg.ScheduleEvaluationContext) -> str:
    return f"{context.scheduled_execution_time:%Y-%m-%dT%H:%M}"
