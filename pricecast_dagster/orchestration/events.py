"""Events: how outcomes become Dagster's materializations, check results and red partitions.

Belongs here: the shape of each event and the one place that writes many of them at once. Not here: what happened (`stages`).

One plain return of an asset would mark every partition of the run as done, so the op yields nothing and each SKU that really
became fresh is logged by itself, with the tags that make Dagster's own "stale" marks right per partition.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_IS_USER_PROVIDED_TAG,
    DATA_VERSION_TAG,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)
from dagster._core.definitions.metadata import normalize_metadata
from dagster._core.events import (
    AssetMaterializationPlannedData,
    DagsterEvent,
    DagsterEventType,
    EngineEventData,
    StepMaterializationData,
)
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.base import EventLogStorage
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

from pricecast_dagster.orchestration.check_results import store_check_results
from pricecast_dagster.schemas import STAGES, Stage
from pricecast_dagster.stages.outcome import Check, Outcome, Status
from pricecast_dagster.storage.keys import encode_key
from pricecast_dagster.storage.staleness import SHARED_MARK

SUPPORTED_DAGSTER = "1.13"
"""The private parts used here were read in this release; the contract test in the tests' orchestration folder holds them."""


class EventWriter:
    """Writes the events of one run of the op.

    Events cost 8-12 ms each on SQLite, 5-22 ms on PostgreSQL one by one; PostgreSQL takes a batch at 1,800-2,800 a second
    through `store_event_batch`, SQLite has no such form.
    """

    def __init__(self, context: dg.AssetExecutionContext) -> None:
        self._context = context
        self._instance = context.instance
        self._storage = context.instance.event_log_storage
        self._step = context.op_execution_context.get_step_execution_context()
        self._batches = type(self._storage).store_event_batch is not EventLogStorage.store_event_batch

    def write(self, outcomes: Sequence[Outcome], extras: Callable[[Outcome], Mapping[str, Any]] = lambda _: {}) -> None:
        """Write the materializations and check results of a committed chunk, upstream stages first.

        Args:
            outcomes: of the chunk.
            extras: more metadata of an outcome's materialization, for people.
        """
        for stage in STAGES:
            here = [outcome for outcome in outcomes if outcome.stage is stage]
            fresh = [outcome for outcome in here if outcome.status is Status.FRESH]
            pointers = self._latest_ids(stage.upstream, fresh) if stage.upstream else {}
            self._materialize(
                [_materialization(outcome, pointers.get(encode_key(outcome.sku)), extras(outcome)) for outcome in fresh]
            )
            self._check(stage, here)

    def plan_failed(self, failed: Iterable[Outcome]) -> None:
        """Turn the partitions of exactly these outcomes red, once the run fails.

        Dagster shows a partition as failed that was planned in a failed run and did not materialize in it. A run without
        partition tags plans none, so this logs the plan just before the op raises.
        """
        for outcome in failed:
            data = AssetMaterializationPlannedData(
                dg.AssetKey(outcome.stage.value), partition=encode_key(outcome.sku), partitions_subset=None
            )
            event = DagsterEvent.build_asset_materialization_planned_event(self._step.job_name, self._step.step.key, data)
            self._instance.report_dagster_event(event, self._context.run.run_id)

    def tell_run(self, told: str, metadata: Mapping[str, Any]) -> None:
        """A line in the run's log with metadata of its own, not about any asset."""
        shown = {name: dg.MetadataValue.text(value) if isinstance(value, str) else value for name, value in metadata.items()}
        data = EngineEventData(metadata=normalize_metadata(shown))
        self._instance.report_engine_event(told, self._context.run, data, step_key=self._step.step.key)

    def _materialize(self, materializations: Sequence[dg.AssetMaterialization]) -> None:
        if not self._batches:
            for materialization in materializations:
                self._context.log_event(materialization)
        elif materializations:
            self._storage.store_event_batch([self._entry(materialization) for materialization in materializations])

    def _entry(self, materialization: dg.AssetMaterialization) -> EventLogEntry:
        message = materialization.description or "Materialized value."
        return self._logged(DagsterEventType.ASSET_MATERIALIZATION, StepMaterializationData(materialization), message)

    def _logged(
        self, kind: DagsterEventType, content: StepMaterializationData | dg.AssetCheckEvaluation, message: str
    ) -> EventLogEntry:
        event = DagsterEvent(
            event_type_value=kind.value,
            job_name=self._step.job_name,
            step_handle=self._step.step.handle,
            node_handle=self._step.step.node_handle,
            step_kind_value=self._step.step.kind.value,
            logging_tags=self._step.event_tags,
            event_specific_data=content,
            message=message,
        )
        return EventLogEntry(  # type: ignore[no-untyped-call]
            error_info=None,
            level=10,
            user_message="",
            run_id=self._context.run.run_id,
            timestamp=time.time(),
            step_key=self._step.step.key,
            job_name=self._step.job_name,
            dagster_event=event,
        )

    def _check(self, stage: Stage, outcomes: Sequence[Outcome]) -> None:
        told = [(outcome, check) for outcome in outcomes for check in outcome.checks if check.news]
        targets = self._latest_ids(stage, [outcome for outcome, _ in told])
        run_id = self._context.run.run_id
        results = [_evaluation(outcome, check, targets.get(encode_key(outcome.sku)), run_id) for outcome, check in told]
        # A run over partitions that a person chose has planned its checks; each result then takes the place of its plan.
        planned = self._context.has_partition_key or self._context.has_partition_key_range
        if self._batches and not planned and isinstance(self._storage, SqlEventLogStorage):
            entries = [self._logged(DagsterEventType.ASSET_CHECK_EVALUATION, result, _told(result)) for result in results]
            store_check_results(self._storage, entries)
            return
        for result in results:
            self._context.log_event(result)

    def _latest_ids(self, stage: Stage, outcomes: Sequence[Outcome]) -> Mapping[str, int]:
        if not outcomes:
            return {}
        keys = {encode_key(outcome.sku) for outcome in outcomes}
        ids: Mapping[str, int] = self._storage.get_latest_storage_id_by_partition(
            dg.AssetKey(stage.value), DagsterEventType.ASSET_MATERIALIZATION, keys
        )
        return ids


def _materialization(outcome: Outcome, pointer: int | None, extras: Mapping[str, Any]) -> dg.AssetMaterialization:
    assert outcome.inputs is not None and outcome.data_version is not None
    tags = {
        DATA_VERSION_TAG: outcome.data_version,
        # Dagster holds it against the code version of the asset as it was loaded, which knows of nothing shared.
        CODE_VERSION_TAG: outcome.inputs.code_version.partition(SHARED_MARK)[0],
        DATA_VERSION_IS_USER_PROVIDED_TAG: "true",
    }
    if outcome.stage.upstream and pointer is not None:
        upstream = dg.AssetKey(outcome.stage.upstream.value)
        tags[get_input_data_version_tag(upstream)] = _upstream_version(outcome)
        tags[get_input_event_pointer_tag(upstream)] = str(pointer)
    return dg.AssetMaterialization(
        asset_key=outcome.stage.value,
        partition=encode_key(outcome.sku),
        description=f"{outcome.sku}: {outcome.reason}",
        metadata={"reason": outcome.reason, **{name: _shown(value) for name, value in outcome.metadata.items()}, **extras},
        tags=tags,
    )


def _upstream_version(outcome: Outcome) -> str:
    assert outcome.inputs is not None
    # A forecast is built from rows and model ("rows/model"); Dagster's graph knows the model as its upstream.
    return outcome.inputs.upstream_version.rpartition("/")[2]


def _shown(value: object) -> Any:
    if isinstance(value, dict | list):
        return dg.MetadataValue.json(value)
    return value


def _told(result: dg.AssetCheckEvaluation) -> str:
    found = "passed" if result.passed else "did not pass"
    return f"{result.partition}: {result.check_name} {found}. {result.description}"


def _evaluation(outcome: Outcome, check: Check, storage_id: int | None, run_id: str) -> dg.AssetCheckEvaluation:
    # Dagster counts an evaluation for a partition only where it points at the partition's latest materialization.
    target = (
        AssetCheckEvaluationTargetMaterializationData(storage_id=storage_id, run_id=run_id, timestamp=time.time())
        if storage_id is not None
        else None
    )
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(outcome.stage.value),
        check_name=check.name,
        passed=check.passed,
        partition=encode_key(outcome.sku),
        description=check.description,
        severity=dg.AssetCheckSeverity.ERROR if check.blocking else dg.AssetCheckSeverity.WARN,
        metadata={"sku": outcome.sku},
        target_materialization_data=target,
    )
