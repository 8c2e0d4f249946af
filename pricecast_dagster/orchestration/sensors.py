"""Sensors: when `refresh` is started without anybody asking.

Belongs here: looking, and asking for a run. Not here: reading data (a tick has 60 seconds; the run reads the source once) and
the rule of staleness (`storage.states`).

Own sensors and not AutomationConditions: those cost 4.4 CPU seconds for an idle tick over 10,000 partitions and 24 over 50,000,
launch a run per contiguous range, and lose a change that arrives between a run and the tick (docs/decisions).

Both are stateless: what has been done stands in the database, not in a cursor, so a killed run is picked up again.
"""

import time
from collections.abc import Sequence
from datetime import timedelta
from hashlib import blake2b
from itertools import takewhile

import dagster as dg

from pricecast_dagster.errors import PricecastError
from pricecast_dagster.orchestration.jobs import (
    BATCH_TAG,
    COUNT_TAG,
    REASON_TAG,
    SOURCE_TAG,
    UNFINISHED,
    refresh_job,
    run_config,
    skus_of,
)
from pricecast_dagster.orchestration.resources import PricecastResource
from pricecast_dagster.schemas import STAGES
from pricecast_dagster.sources.fingerprint import cheap_fingerprint
from pricecast_dagster.stages.shared import codes_in_force
from pricecast_dagster.storage import announcements, ingests, requests, states

# A run that is killed is started again; one that is killed every time must not be started for ever.
ATTEMPTS = 3

RELEASED_GRACE = timedelta(seconds=60)
"""A retrain request let through longer ago, whose run never came, is taken like anything else that is out of date."""


def build_sensors(seconds: int) -> list[dg.SensorDefinition]:
    """The sensors, looking every so many seconds."""

    @dg.sensor(
        job=refresh_job,
        minimum_interval_seconds=seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reads the source again when its files or tables have moved, and brings up to date what changed in it.",
    )
    def source_changed(context: dg.SensorEvaluationContext, stores: PricecastResource) -> dg.RunRequest | dg.SkipReason:
        settings = stores.settings()
        try:
            fingerprint = cheap_fingerprint(settings)
        except PricecastError as error:
            return dg.SkipReason(f"The source cannot be looked at: {error}")
        with stores.open().database.read() as connection:
            known = ingests.answered(connection, fingerprint)
            last = ingests.last_finished(connection)
        reason = "the source has moved"
        if known is not None and last is not None and time.time() - last.finished_at.timestamp() > settings.scan_seconds:
            known, reason = None, "a full read is due, for what a look at files and counts misses"
        if known is not None:
            return dg.SkipReason(known)
        return _ask(context.instance, SOURCE_TAG, fingerprint, run_config(source="always"), reason)

    @dg.sensor(
        job=refresh_job,
        minimum_interval_seconds=seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Brings up to date what is not: changed code or settings, retrain requests, what a killed run left behind.",
    )
    def out_of_date(context: dg.SensorEvaluationContext, stores: PricecastResource) -> dg.RunRequest | dg.SkipReason:
        stage_context = stores.open()
        settings = stage_context.settings
        codes = codes_in_force(stage_context.database, settings, stage_context.calendar)
        with stage_context.database.read() as connection:
            due = states.out_of_date(connection, codes, limit=settings.batch_size)
            waiting = announcements.unannounced(connection, limit=1)
            held = states.read_states(connection, [item.sku for item in due])
            just_released = requests.released_since(connection, stage_context.clock() - RELEASED_GRACE)
        running = context.instance.get_runs(dg.RunsFilter(job_name=refresh_job.name, statuses=UNFINISHED))
        if any(not skus_of(run) for run in running):
            return dg.SkipReason("A run that takes all that is out of date is under way.")
        # What `retraining_due` has let through it starts itself, with the reasons in the run's tags.
        busy = set().union(*(skus_of(run) for run in running), (request.sku for request in just_released))
        wanted = [item for item in due if item.sku not in busy]
        if not wanted and not (waiting and not running):
            under_way = f"All that is out of date is being worked on: {len(due):,} products."
            return dg.SkipReason("Every product is up to date." if not due else under_way)
        versions = {(sku, stage): state.data_version for (sku, stage), state in held.items()}
        batch = _digest([f"{item.sku}:{item.reason}:{[versions.get((item.sku, stage)) for stage in STAGES]}" for item in wanted])
        config = run_config([item.sku for item in wanted], only_stale=True, source="never")
        return _ask(context.instance, BATCH_TAG, batch, config, _told([item.reason for item in wanted]), count=len(wanted))

    return [source_changed, out_of_date]


def _ask(
    instance: dg.DagsterInstance, tag: str, name: str, config: dict[str, object], reason: str, *, count: int | None = None
) -> dg.RunRequest | dg.SkipReason:
    """A run for this piece of work, unless one is under way or it was killed too often."""
    earlier = instance.get_runs(dg.RunsFilter(job_name=refresh_job.name, tags={tag: name}))
    if any(run.status in UNFINISHED for run in earlier):
        return dg.SkipReason(f"A run for this is under way: {reason}.")
    if len([*takewhile(lambda run: run.status is not dg.DagsterRunStatus.SUCCESS, earlier)]) >= ATTEMPTS:
        return dg.SkipReason(
            f"{ATTEMPTS} runs for exactly this did not come to an end ({reason}); look at the last one's log, "
            f"then launch the job {refresh_job.name} by hand."
        )
    tags = {tag: name, REASON_TAG: reason}
    if count is not None:
        tags[COUNT_TAG] = str(count)
    # Named after the last run for it and not by a count: maintenance deletes old runs, and a key that is used again starts none.
    before = earlier[0].run_id if earlier else "first"
    return dg.RunRequest(run_key=f"{name}-{before}", run_config=config, tags=tags)


def _told(found: Sequence[str]) -> str:
    counts = {reason: found.count(reason) for reason in dict.fromkeys(found)}
    return ", ".join(f"{reason} ({count})" for reason, count in counts.items()) or "results Dagster was not told of"


def _digest(parts: Sequence[str]) -> str:
    return blake2b("\n".join(parts).encode(), digest_size=12).hexdigest()
