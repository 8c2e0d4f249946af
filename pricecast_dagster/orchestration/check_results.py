"""Check results: many evaluations in two statements, where the event storage can do that.

Belongs here: storing evaluations. Not here: their content (`events`) and the checks themselves (`checks`).

One by one an evaluation costs PostgreSQL three connections and transactions (55 ms on a loaded machine): 2,000 new products would
spend seven minutes on saying that all is well. Dagster has a batch form for materializations only, so its two tables are written
as its own `store_event` does, in the release that `events.SUPPORTED_DAGSTER` names.
"""

from collections.abc import Sequence

from dagster import AssetCheckEvaluation
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._serdes import serialize_value


def store_check_results(storage: SqlEventLogStorage, entries: Sequence[EventLogEntry]) -> None:
    """Store evaluations of one run that planned none of them, each of another check or partition."""
    if not entries:
        return
    with storage.run_connection(entries[0].run_id) as connection:
        inserted = connection.execute(storage.prepare_insert_event_batch(entries).returning(SqlEventLogStorageTable.c.id))
        ids = [int(row[0]) for row in inserted.fetchall()]
    rows = [_row(storage, entry, number) for entry, number in zip(entries, ids, strict=True)]
    with storage.index_connection() as connection:
        connection.execute(AssetCheckExecutionsTable.insert(), rows)


def _row(storage: SqlEventLogStorage, entry: EventLogEntry, storage_id: int) -> dict[str, object]:
    event = entry.get_dagster_event()
    evaluation = event.event_specific_data
    assert isinstance(evaluation, AssetCheckEvaluation)
    status = AssetCheckExecutionRecordStatus.SUCCEEDED if evaluation.passed else AssetCheckExecutionRecordStatus.FAILED
    target = evaluation.target_materialization_data
    return {
        "asset_key": evaluation.asset_key.to_string(),
        "check_name": evaluation.check_name,
        "partition": evaluation.partition,
        "run_id": entry.run_id,
        "execution_status": status.value,
        "evaluation_event": serialize_value(entry),
        "evaluation_event_timestamp": storage._event_insert_timestamp(entry),  # type: ignore[no-untyped-call]
        "evaluation_event_storage_id": storage_id,
        "materialization_event_storage_id": target.storage_id if target else None,
    }
