"""States: what each stage of each SKU was built from, and what it holds.

Belongs here: reading states, recording what a stage did, and refusing what came second. Not here: what Dagster was told of it
(`storage.announcements`), the rule of staleness itself (`storage.staleness`), and computing anything.

Optimistic concurrency: whoever records a success says which version of the upstream it was made from. If the upstream holds
another one by now, the result answers a question that nobody asks any more; it is refused, and the newer one stays.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, select, update

from pricecast_dagster.schemas import STAGES, Stage
from pricecast_dagster.storage import staleness
from pricecast_dagster.storage.database import in_parts, insert_or_update
from pricecast_dagster.storage.staleness import NO_MODEL_YET, OutOfDate
from pricecast_dagster.storage.state_records import Inputs, StageState, failure_row, state_of, success_row
from pricecast_dagster.storage.tables import product, stage_state

_Key = tuple[str, Stage]


def read_states(
    connection: Connection, skus: Iterable[str] | None = None, stages: Iterable[Stage] | None = None
) -> dict[_Key, StageState]:
    """The states there are, of some SKUs or of all, in some stages or in all; what never ran has none."""
    query = select(stage_state).order_by(stage_state.c.sku)
    if stages is not None:
        query = query.where(stage_state.c.stage.in_([stage.value for stage in stages]))
    found = (state_of(row) for row in _rows(connection, query, skus))
    return {(state.sku, state.stage): state for state in found}


def failed(connection: Connection, limit: int | None = None) -> list[StageState]:
    """The states of active products whose last attempt failed, newest first."""
    query = (
        select(stage_state)
        .join(product)
        .where(stage_state.c.error.is_not(None), product.c.active)
        .order_by(stage_state.c.updated_at.desc(), stage_state.c.sku)
        .limit(limit)
    )
    return [state_of(row) for row in connection.execute(query)]


def record_success(connection: Connection, rows: Sequence[StageState]) -> list[_Key]:
    """Store what stages have become.

    Args:
        connection: of a write.
        rows: with `data_version`, `inputs` and `updated_at`; several stages of a SKU may come together, they are taken in order.

    Returns:
        The stages that are superseded, of which nothing was written: the upstream holds another version by now, or for
        raw_history a later read of the source has been stored.
    """
    accepted, superseded = _judged(connection, rows, [row.inputs for row in rows])
    insert_or_update(connection, stage_state, [success_row(row) for row in accepted], keep=[])
    return superseded


def record_failure(connection: Connection, rows: Sequence[StageState]) -> list[_Key]:
    """Store what stages failed on; what they hold stays.

    Args:
        connection: of a write.
        rows: with `failed_inputs`, `error` and `updated_at`.

    Returns:
        The superseded ones, as in `record_success`.
    """
    accepted, superseded = _judged(connection, rows, [row.failed_inputs for row in rows], keeps_version=True)
    held = [column.name for column in stage_state.c if column.name not in _FAILURE_COLUMNS]
    insert_or_update(connection, stage_state, [failure_row(row) for row in accepted], keep=held)
    return superseded


def forgive(connection: Connection, keys: Iterable[_Key]) -> None:
    """Let stages that failed be tried again, although their inputs are the same."""
    for sku, stage in keys:
        connection.execute(
            update(stage_state)
            .where(stage_state.c.sku == sku, stage_state.c.stage == stage.value)
            .values(failed_upstream_version=None, failed_code_version=None, failed_request_id=None, error=None)
        )


def set_version(connection: Connection, sku: str, stage: Stage, version: str | None, reason: str, now: datetime) -> None:
    """Let a stage hold another version, or none, by a person's decision (rollback, deletion); its inputs stay as recorded.

    What is below it is out of date from now on; the stage itself is not, until its inputs change. What was told of a version that
    is given up goes with it.
    """
    connection.execute(
        update(stage_state)
        .where(stage_state.c.sku == sku, stage_state.c.stage == stage.value)
        .values(data_version=version, reason=reason, updated_at=now, **({} if version else {"metadata": {}}))
    )


def in_force(connection: Connection, stage: Stage) -> dict[str, str]:
    """SKU -> the version that a stage holds, of all SKUs where it holds one."""
    query = select(stage_state.c.sku, stage_state.c.data_version).where(
        stage_state.c.stage == stage.value, stage_state.c.data_version.is_not(None)
    )
    return {row.sku: row.data_version for row in connection.execute(query)}


def forget(connection: Connection, skus: Iterable[str]) -> None:
    """Forget every state of some SKUs."""
    for part in in_parts(sorted(set(skus))):
        connection.execute(delete(stage_state).where(stage_state.c.sku.in_(part)))


def confirm_histories(connection: Connection, versions: Mapping[str, str], ingest_id: int) -> set[str]:
    """Note that a read of the source saw the rows that are stored; an earlier read that is slower is refused from now on.

    Args:
        connection: of a write.
        versions: SKU -> the version that the read saw.
        ingest_id: of the read.

    Returns:
        The SKUs that hold another version, in which nothing was changed: they have to be stored.
    """
    lock(connection, versions)
    query = select(stage_state.c.sku, stage_state.c.data_version).where(stage_state.c.stage == Stage.RAW_HISTORY.value)
    same = sorted(row.sku for row in _rows(connection, query, versions) if row.data_version == versions[row.sku])
    for part in in_parts(same):
        connection.execute(
            update(stage_state)
            .where(stage_state.c.sku.in_(part), stage_state.c.stage == Stage.RAW_HISTORY.value)
            .values(ingest_id=ingest_id)
        )
    return set(versions) - set(same)


def lock(connection: Connection, skus: Iterable[str]) -> None:
    """Make other writers of these SKUs wait until the transaction ends; a write on SQLite does that by itself."""
    if connection.dialect.name != "postgresql":
        return
    query = select(product.c.sku).order_by(product.c.sku).with_for_update(key_share=True)
    for part in in_parts(sorted(set(skus))):
        connection.execute(query.where(product.c.sku.in_(part))).all()


def out_of_date(connection: Connection, code_versions: Mapping[Stage, str], limit: int | None) -> list[OutOfDate]:
    """The first out-of-date stage of every active SKU that has one, by SKU; see `storage.staleness`."""
    rows = connection.execute(staleness.statement(code_versions).limit(limit))
    return [OutOfDate(row.sku, Stage(row.stage), row.reason) for row in rows]


def _judged(
    connection: Connection, rows: Sequence[StageState], made_from: Sequence[Inputs | None], *, keeps_version: bool = False
) -> tuple[list[StageState], list[_Key]]:
    """Those that may be written, and the keys of those that are superseded."""
    skus = {row.sku for row in rows}
    lock(connection, skus)
    query = select(stage_state.c.sku, stage_state.c.stage, stage_state.c.data_version, stage_state.c.ingest_id)
    holds = {(row.sku, Stage(row.stage)): (row.data_version, row.ingest_id) for row in _rows(connection, query, skus)}
    accepted: list[StageState] = []
    superseded: list[_Key] = []
    for row, inputs in sorted(zip(rows, made_from, strict=True), key=lambda pair: STAGES.index(pair[0].stage)):
        key = (row.sku, row.stage)
        if inputs is None or row.updated_at is None:
            raise ValueError(f"a state of {row.sku!r} in {row.stage} without inputs or time cannot be recorded")
        if not _still_asked(row, inputs, holds):
            superseded.append(key)
            continue
        accepted.append(row)
        if not keeps_version:
            holds[key] = (row.data_version, row.ingest_id)
    return accepted, superseded


def _still_asked(row: StageState, inputs: Inputs, holds: Mapping[_Key, tuple[str | None, int | None]]) -> bool:
    if row.stage is Stage.RAW_HISTORY:
        later = holds.get((row.sku, row.stage), (None, None))[1]
        return later is None or row.ingest_id is None or later <= row.ingest_id
    history = holds.get((row.sku, Stage.RAW_HISTORY), (None, None))[0]
    if row.stage is Stage.FORECAST:
        model = holds.get((row.sku, Stage.PRICE_MODEL), (None, None))[0]
        return inputs.upstream_version == f"{history}/{model or NO_MODEL_YET}"
    upstream = row.stage.upstream
    assert upstream is not None
    return inputs.upstream_version == holds.get((row.sku, upstream), (None, None))[0]


def _rows(connection: Connection, query: Select[Any], skus: Iterable[str] | None) -> Iterable[Row[Any]]:
    if skus is None:
        yield from connection.execute(query)
        return
    for part in in_parts(sorted(set(skus))):
        yield from connection.execute(query.where(stage_state.c.sku.in_(part)))


_FAILURE_COLUMNS = (
    "failed_upstream_version",
    "failed_code_version",
    "failed_request_id",
    "error",
    "announced_version",
    "ingest_id",
    "reason",
    "run_id",
    "updated_at",
)
