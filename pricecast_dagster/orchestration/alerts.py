"""Alerts from Dagster: a sensor that looks at what is wrong, runs that failed included, and tells of it once.

Belongs here: what only Dagster knows, namely how runs ended and whether any is under way. Not here: what else may be wrong, what
is told, and to whom (`operations.alerting`).

A sensor of its own and not `run_failure_sensor`: that one calls once a failed run (a hundred trainings that fail for one reason
are a hundred messages), begins with the first failure after its first tick, knows no repair, and has its cursor as only memory.
Here a job's last finished run is a condition like any other: found twice it is told of once, and a success resolves it. The
cursor only saves work; without it the runs of two days are looked at again, with the same outcome.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.storage.tags import WILL_RETRY_TAG

from pricecast_dagster.operations import alerting, findings
from pricecast_dagster.operations.findings import Finding
from pricecast_dagster.orchestration.jobs import REASON_TAG, SKU_TAG, UNFINISHED, refresh_job
from pricecast_dagster.orchestration.resources import PricecastResource
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.storage import alerts, ingests, summaries
from pricecast_dagster.storage.alerts import Severity

LOOK_BACK = timedelta(days=2)
OVERLAP = timedelta(seconds=10)
RUNS_A_TICK = 200
LONGEST_HOLD = timedelta(hours=1)
"""A run under way is let finish, so that it makes one digest; where runs follow each other without a gap, one an hour."""

TICKS_APART = 6
"""The other sensors start work, this one only tells of it: it looks every sixth time that they do."""

# A partition chosen in the web page goes through Dagster's own job for assets; to a person both are the refresh.
FAMILIES = {"__ASSET_JOB": refresh_job.name}


@dataclass(frozen=True, slots=True)
class Cursor:
    """What the last look had reached.

    Attributes:
        runs: the last change of a run that was looked at.
        looked: when the last whole look was; measured: the newest measurement of the monitor then.
    """

    runs: datetime
    looked: datetime | None = None
    measured: int | None = None

    def text(self) -> str:
        """As Dagster keeps it."""
        looked = self.looked.isoformat() if self.looked else None
        return json.dumps({"runs": self.runs.isoformat(), "looked": looked, "measured": self.measured})


def read_cursor(text: str | None, now: datetime) -> Cursor:
    """The cursor of the last tick; one that cannot be read is one that looks back two days."""
    try:
        kept = json.loads(text or "")
        looked = datetime.fromisoformat(kept["looked"]) if kept["looked"] else None
        return Cursor(datetime.fromisoformat(kept["runs"]), looked, kept["measured"])
    except (ValueError, KeyError, TypeError):
        return Cursor(now - LOOK_BACK)


def build_alert_sensor(seconds: int) -> dg.SensorDefinition:
    """The sensor `alerts`; `seconds` are those of the other sensors."""

    @dg.sensor(
        name="alerts",
        minimum_interval_seconds=seconds * TICKS_APART,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells the receivers what is wrong, and what is right again: one digest a run, not one a product.",
    )
    def look(context: dg.SensorEvaluationContext, stores: PricecastResource) -> dg.SkipReason:
        stage_context = stores.open()
        now = datetime.now(UTC)
        cursor = read_cursor(context.cursor, now)
        busy = context.instance.get_runs_count(dg.RunsFilter(statuses=UNFINISHED))
        if busy and cursor.looked is not None and now - cursor.looked < LONGEST_HOLD:
            passed = alerting.run(stage_context, kinds=())
            return dg.SkipReason(f"{busy} runs are under way: what they find is told together when they end. {_told(passed)}")
        with stage_context.database.read() as connection:
            measured = summaries.newest_measurement(connection)
        kinds = [kind for kind in alerting.LOOKS if kind != findings.MONITOR or measured != cursor.measured]
        until, found = failed_runs(context.instance, stage_context, cursor.runs)
        passed = alerting.run(stage_context, kinds, found)
        context.update_cursor(Cursor(until, now, measured).text())
        return dg.SkipReason(_told(passed))

    return look


def failed_runs(instance: dg.DagsterInstance, context: StageContext, since: datetime) -> tuple[datetime, list[Finding]]:
    """How runs ended: one finding a job whose last run failed.

    Args:
        since: runs that have not changed since then were looked at before.

    Returns:
        The last change that was looked at, and the findings: of these runs, and of earlier ones that nothing resolved.
    """
    records = instance.get_run_records(
        dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE], updated_after=since - OVERLAP),
        limit=RUNS_A_TICK,
        order_by="update_timestamp",
        ascending=True,
    )
    with context.database.read() as connection:
        known = {one.subject: one for one in alerts.present(connection) if one.kind == findings.RUN}
        told = {read.run_id for read in ingests.recent(connection, RUNS_A_TICK) if read.error is not None}
    verdicts: dict[str, Finding | None] = {
        one.subject: Finding(one.kind, one.subject, one.severity, one.told, one.remedy, evidence=one.evidence)
        for one in known.values()
    }
    for record in records:
        run = record.dagster_run
        subject = f"{findings.RUN}:{FAMILIES.get(run.job_name, run.job_name)}"
        if run.status is dg.DagsterRunStatus.SUCCESS and SKU_TAG not in run.tags:
            verdicts[subject] = None
        elif run.status is dg.DagsterRunStatus.FAILURE and run.tags.get(WILL_RETRY_TAG) != "true" and run.run_id not in told:
            cause = _cause(instance, run.run_id)
            if cause is not None:
                verdicts[subject] = _finding(subject, run, cause, context.settings.dagster_url)
    until = max((record.update_timestamp.replace(tzinfo=UTC) for record in records), default=since)
    return max(until, since), [finding for finding in verdicts.values() if finding is not None]


def _finding(subject: str, run: dg.DagsterRun, cause: str, dagster_url: str) -> Finding:
    reason = run.tags.get(REASON_TAG)
    return Finding(
        findings.RUN,
        subject,
        Severity.ERROR,
        f"Run {run.run_id[:8]} of {FAMILIES.get(run.job_name, run.job_name)} failed{f' ({reason})' if reason else ''}: {cause}",
        f"Look at {dagster_url.rstrip('/')}/runs/{run.run_id}.",
        evidence={"run_id": run.run_id, "job": run.job_name},
    )


def _cause(instance: dg.DagsterInstance, run_id: str) -> str | None:
    """Why a run failed, in a line; None where it only tells of products that failed: each of them is a finding itself."""
    steps = _events(instance, run_id, dg.DagsterEventType.STEP_FAILURE)
    for event in steps:
        data = event.step_failure_data
        if data.user_failure_data is not None:
            return None
        if data.error is not None:
            error = data.error
            while error.cause is not None:
                error = error.cause
            return _line(error.message)
    ended = _events(instance, run_id, dg.DagsterEventType.RUN_FAILURE)
    return _line(ended[-1].message or "") if ended else "nothing is on record about it"


def _events(instance: dg.DagsterInstance, run_id: str, kind: dg.DagsterEventType) -> Sequence[dg.DagsterEvent]:
    entries = instance.all_logs(run_id, of_type=kind)
    return [entry.dagster_event for entry in entries if entry.dagster_event is not None]


def _line(message: str) -> str:
    return " ".join(message.split())[:500]


def _told(passed: alerting.Passed) -> str:
    parts: Iterable[str] = (
        f"Told: {passed.title}." if passed.title else f"Nothing new to tell; {passed.present} findings last.",
        f"{passed.delivered.sent} messages delivered." if passed.delivered.sent else "",
        *(f"{name} did not take its message: {error}" for name, error in passed.delivered.failed.items()),
        f"{passed.delivered.given_up} messages were given up after a week." if passed.delivered.given_up else "",
    )
    return " ".join(part for part in parts if part)
