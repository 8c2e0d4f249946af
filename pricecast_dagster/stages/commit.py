"""Commit: one transaction that makes a chunk's results true, and refuses those that came second.

Belongs here: states, registry and forecasts moving together; tidying what they superseded. Not here: computing anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pricecast_dagster.schemas import Stage
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.outcome import Check, Outcome, Status
from pricecast_dagster.stages.stored import ROWS_LOST
from pricecast_dagster.stages.versions import NO_MODEL
from pricecast_dagster.storage import forecasts, products, registry, requests, retention, states, trials
from pricecast_dagster.storage.forecasts import StoredForecast
from pricecast_dagster.storage.registry import ModelVersion
from pricecast_dagster.storage.state_records import StageState
from pricecast_dagster.storage.trials import ShadowForecast, Trial

CHECKS = "checks"
"""Where a state's metadata keeps which checks passed: a check's event is news only when that changes."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What a chunk writes besides states."""

    champions: tuple[ModelVersion, ...] = ()
    challengers: tuple[ModelVersion, ...] = ()
    forecasts: tuple[StoredForecast, ...] = ()
    trials: tuple[Trial, ...] = ()
    shadows: tuple[ShadowForecast, ...] = ()


def moved_on(state: StageState | None, outcome: Outcome) -> StageState:
    """The state of a SKU's stage after an outcome: as the commit stores it."""
    before = state or StageState(sku=outcome.sku, stage=outcome.stage)
    if outcome.status is Status.FAILED:
        return replace(before, failed_inputs=outcome.inputs, error=outcome.error, reason=outcome.reason)
    return replace(
        before,
        data_version=outcome.data_version,
        inputs=outcome.inputs,
        failed_inputs=None,
        error=None,
        reason=outcome.reason,
        seconds=outcome.seconds,
        metadata=dict(outcome.metadata),
    )


def to_be_tried_again(outcomes: Sequence[Outcome], states: Mapping[tuple[str, Stage], StageState]) -> list[tuple[str, Stage]]:
    """The stages that failed while rows were lost which are there again: nothing else about their inputs has changed."""
    back = {one.sku for one in outcomes if one.status is Status.FRESH and one.reason == ROWS_LOST}
    return [key for key, state in states.items() if key[0] in back and state.error is not None]


def commit(
    context: StageContext,
    outcomes: Sequence[Outcome],
    before: Mapping[tuple[str, Stage], StageState],
    rows: Rows,
    champions: Mapping[str, ModelVersion],
    ingest_id: int | None,
) -> list[Outcome]:
    """Store a chunk.

    Args:
        before: the states as they were when the chunk began.
        champions: SKU -> the champion when the chunk began.
        ingest_id: of the read of the source that the rows came from.

    Returns:
        The outcomes as they are now: those that came second are `unchanged`, and say so. Checks tell what is news.
    """
    now = context.clock()
    computed = [outcome for outcome in outcomes if outcome.inputs is not None]
    written = [_state(context, outcome, before, now, ingest_id) for outcome in computed]
    with context.database.write() as connection:
        skus = [row.sku for row in rows.champions]
        states.lock(connection, skus)
        states.forgive(connection, to_be_tried_again(outcomes, before))
        overtaken = _overtaken(rows, champions, registry.champions(connection, skus))
        kept = [state for state in written if (state.sku, state.stage) not in overtaken]
        second = set(states.record_success(connection, [state for state in kept if state.error is None])) | overtaken
        second |= set(states.record_failure(connection, [state for state in kept if state.error is not None]))
        models = [row for row in rows.champions if (row.sku, Stage.PRICE_MODEL) not in second]
        registry.demote(connection, [one.sku for one in kept if one.error is None and one.data_version == NO_MODEL])
        registry.add(connection, [replace(row, champion=True, champion_since=now) for row in models])
        registry.add(connection, [row for row in rows.challengers if (row.sku, Stage.PRICE_MODEL) not in second])
        forecasts.store(connection, [row for row in rows.forecasts if (row.sku, Stage.FORECAST) not in second])
        trials.begin(connection, [row for row in rows.trials if (row.sku, Stage.PRICE_MODEL) not in second])
        trials.store_shadows(connection, rows.shadows)
        trained = [
            state for state in kept if state.stage is Stage.PRICE_MODEL and state.error is None and state.data_version is not None
        ]
        answers = [
            (state.sku, state.inputs.request_id, state.data_version)
            for state in trained
            if state.inputs and state.inputs.request_id is not None and state.data_version
        ]
        requests.answer(connection, answers, now)
        products.lift_holds(connection, [row.sku for row in models])
        given_up = retention.prune(connection, [row.sku for row in models], context.settings.keep_versions, now)
    _tidy(context, computed, before, given_up)
    return [_told(outcome, before, second) for outcome in outcomes]


def _state(
    context: StageContext,
    outcome: Outcome,
    before: Mapping[tuple[str, Stage], StageState],
    now: datetime,
    ingest_id: int | None,
) -> StageState:
    state = moved_on(before.get((outcome.sku, outcome.stage)), outcome)
    checks = {check.name: check.passed for check in outcome.checks}
    return replace(
        state,
        updated_at=now,
        run_id=context.run_id,
        ingest_id=ingest_id if outcome.stage is Stage.RAW_HISTORY else None,
        metadata={**outcome.metadata, CHECKS: checks},
    )


def _overtaken(rows: Rows, champions: Mapping[str, ModelVersion], present: Mapping[str, ModelVersion]) -> set[tuple[str, Stage]]:
    """SKUs whose champion is another one by now: somebody trained or rolled back meanwhile, and theirs stays."""

    def version(of: Mapping[str, ModelVersion], sku: str) -> str | None:
        return of[sku].version if sku in of else None

    return {(row.sku, Stage.PRICE_MODEL) for row in rows.champions if version(present, row.sku) != version(champions, row.sku)}


def _tidy(
    context: StageContext,
    computed: Sequence[Outcome],
    before: Mapping[tuple[str, Stage], StageState],
    given_up: Sequence[ModelVersion],
) -> None:
    """Files that nothing refers to any more; what a kill leaves here is only untidy."""
    for outcome in computed:
        state = before.get((outcome.sku, outcome.stage))
        old = state.data_version if state else None
        framed = outcome.stage in (Stage.RAW_HISTORY, Stage.FEATURE_TABLE)
        if framed and outcome.status is Status.FRESH and old is not None and old != outcome.data_version:
            context.frames.retire(outcome.stage, outcome.sku, old)
    for version in given_up:
        context.artifacts.delete(version.sku, version.version)


def _told(outcome: Outcome, before: Mapping[tuple[str, Stage], StageState], second: "set[tuple[str, Stage]]") -> Outcome:
    key = (outcome.sku, outcome.stage)
    if key in second:
        return Outcome(outcome.sku, outcome.stage, Status.UNCHANGED, "another run was quicker; its result stays")
    return replace(outcome, checks=tuple(_news(check, before.get(key)) for check in outcome.checks))


def _news(check: Check, state: StageState | None) -> Check:
    earlier = state.metadata.get(CHECKS, {}) if state else {}
    known = earlier.get(check.name) if isinstance(earlier, dict) else None
    return replace(check, news=not check.passed or known is False or (known is None and not check.quiet))
