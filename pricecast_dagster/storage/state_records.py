"""State records: what one stage of one SKU was built from and holds, as an object and as a row of its table.

Belongs here: the record and its way into a row and back. Not here: reading and recording (`storage.states`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row

from pricecast_dagster.schemas import Stage

UNTOLD_FAILURE: Final = "a failure that was not told"
"""Stands for the announced version of a stage from its failure until Dagster is told; no data version is called so."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a stage is built from; different inputs, and only they, make it out of date.

    Attributes:
        upstream_version: data version of the stage above; of a forecast `rows/model`; of raw_history that of the source's rows.
        code_version: of what computes the stage.
        request_id: of the newest retrain request; price_model only.
    """

    upstream_version: str
    code_version: str
    request_id: int | None = None


@dataclass(frozen=True, slots=True)
class StageState:
    """One stage of one SKU.

    Attributes:
        data_version: of what it holds; None where it never succeeded, or was withdrawn.
        inputs: of the last success.
        failed_inputs: of the last failure that no success followed; `error` says what went wrong.
        reason: why it was computed the last time, in words.
        seconds: computing time of the last success.
        announced_version: what Dagster was told of; None from each success until it is told.
        ingest_id: raw_history only: the read of the source that last saw these rows.
        metadata: a few facts for people.
    """

    sku: str
    stage: Stage
    data_version: str | None = None
    inputs: Inputs | None = None
    failed_inputs: Inputs | None = None
    error: str | None = None
    reason: str = ""
    run_id: str | None = None
    seconds: float = 0.0
    updated_at: datetime | None = None
    announced_version: str | None = None
    ingest_id: int | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)


def success_row(state: StageState) -> dict[str, object]:
    """The row of a success, without its failure of before; not told to Dagster yet."""
    assert state.inputs is not None and state.data_version is not None
    return {
        **_row(state),
        "data_version": state.data_version,
        "upstream_version": state.inputs.upstream_version,
        "code_version": state.inputs.code_version,
        "request_id": state.inputs.request_id,
        "failed_upstream_version": None,
        "failed_code_version": None,
        "failed_request_id": None,
        "error": None,
        "announced_version": None,
    }


def failure_row(state: StageState) -> dict[str, object]:
    """The row of a failure; what the last success left stays as it is."""
    assert state.failed_inputs is not None and state.error is not None
    return {
        **_row(state),
        "failed_upstream_version": state.failed_inputs.upstream_version,
        "failed_code_version": state.failed_inputs.code_version,
        "failed_request_id": state.failed_inputs.request_id,
        "error": state.error,
        "announced_version": UNTOLD_FAILURE,
    }


def _row(state: StageState) -> dict[str, object]:
    return {
        "sku": state.sku,
        "stage": state.stage.value,
        "ingest_id": state.ingest_id,
        "reason": state.reason,
        "run_id": state.run_id,
        "seconds": state.seconds,
        "updated_at": state.updated_at,
        "metadata": dict(state.metadata),
    }


def state_of(row: Row[Any]) -> StageState:
    """A state from a row of its table."""
    inputs = failed_inputs = None
    if row.upstream_version is not None:
        inputs = Inputs(row.upstream_version, row.code_version, row.request_id)
    if row.failed_upstream_version is not None:
        failed_inputs = Inputs(row.failed_upstream_version, row.failed_code_version, row.failed_request_id)
    return StageState(
        sku=row.sku,
        stage=Stage(row.stage),
        data_version=row.data_version,
        inputs=inputs,
        failed_inputs=failed_inputs,
        error=row.error,
        reason=row.reason,
        run_id=row.run_id,
        seconds=row.seconds,
        updated_at=row.updated_at,
        announced_version=row.announced_version,
        ingest_id=row.ingest_id,
        metadata=row.metadata,
    )
