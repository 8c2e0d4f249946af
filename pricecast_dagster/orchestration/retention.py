"""Retention: giving up Dagster events that newer ones have superseded; Dagster itself keeps all of them for ever.

Belongs here: the one place that deletes from Dagster's own tables. Not here: our stores (`operations.maintenance`).

An event takes 2.7 kB: 10,000 products daily are 40 GB a year. Deleting old runs is no way out: a run's events go with it, and
partitions that were not built since turn un-materialized. So superseded events go first, one by one, and then the runs that
nothing hangs on any more. What is kept, however old:

- of each asset and partition the newest materializations, and those that a newest one below it was made from: Dagster reads
  its "stale" marks off them;
- the newest event of a partition where that is a plan: it is what makes the partition red or in progress, and so is its run;
- the newest result of each check and partition, and its run;
- runs that are not finished, and the newest event of all: SQLite would give its number a second time.

The tables are private to Dagster: another release than the one they were read in is refused.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

from pricecast_dagster.errors import StorageError
from pricecast_dagster.orchestration.events import SUPPORTED_DAGSTER
from pricecast_dagster.orchestration.instance import dagster_home, is_postgres
from pricecast_dagster.orchestration.jobs import UNFINISHED
from pricecast_dagster.orchestration.partitions import PARTITIONS_NAME
from pricecast_dagster.schemas import STAGES
from pricecast_dagster.settings import Settings

IDS_PER_STATEMENT = 1000

_ASSETS = ", ".join(f"'{dg.AssetKey(stage.value).to_string()}'" for stage in STAGES)
_MATERIALIZATION = dg.DagsterEventType.ASSET_MATERIALIZATION.value
_OBSERVATION = dg.DagsterEventType.ASSET_OBSERVATION.value
_PLAN = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED.value
_POINTER = re.compile(r'"dagster/input_event_pointer/[^"]+": *"([0-9]+)"')


@dataclass(frozen=True, slots=True)
class Superseded:
    """Dagster's surplus, counted: events of materialized and of planned partitions, check results, and runs."""

    materializations: int
    plans: int
    checks: int
    runs: int


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance | None]:
    """The Dagster instance of the settings, for whoever is not a Dagster process; None where Dagster was never started."""
    home = dagster_home(settings)
    if not (home / "dagster.yaml").is_file() and not is_postgres(settings):
        yield None
        return
    Path(home).mkdir(parents=True, exist_ok=True)
    storage = {"storage": {"postgres": {"postgres_url": settings.database}}} if is_postgres(settings) else {}
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home), overrides=storage)) as instance:
        yield instance


def examine_events(instance: dg.DagsterInstance, keep: int, before: datetime) -> Superseded:
    """What `prune_events` would delete now.

    Args:
        instance: whose events.
        keep: materializations kept of each asset and partition, at least 1.
        before: younger events and runs are kept in any case.

    Raises:
        StorageError: this Dagster is another release than the one whose tables were read.
    """
    partitions, storage = _partitions(instance), _guarded(instance)
    with storage.index_connection() as connection:
        found = _find(connection, keep, before, partitions)
        needed = _needed(connection, found)
    return found.counted(len(_finished(instance, needed, before)))


def prune_events(instance: dg.DagsterInstance, keep: int, before: datetime) -> Superseded:
    """Delete superseded events, then what hangs on them, then emptied runs; partition states and stale marks stay as they are.

    Args and errors as in `examine_events`. Safe while runs are under way, and to repeat after a kill.
    """
    partitions, storage = _partitions(instance), _guarded(instance)
    with storage.index_connection() as connection:
        found = _find(connection, keep, before, partitions)
        _delete(connection, "event_logs", "id", [*found.materializations, *found.plans])
        _delete(connection, "asset_event_tags", "event_id", found.materializations)
        _delete(connection, "asset_check_executions", "id", found.checks)
        needed = _needed(connection, _Found((), (), (), Counter()))
    runs = _finished(instance, needed, before)
    for run_id in runs:
        instance.delete_run(run_id)
    return found.counted(len(runs))


@dataclass(frozen=True)
class _Found:
    """Numbers of the surplus events, and how many materializations of each run are among them."""

    materializations: Sequence[int]
    plans: Sequence[int]
    checks: Sequence[int]
    of_run: Counter[str]

    def counted(self, runs: int) -> Superseded:
        """As it is told."""
        return Superseded(len(self.materializations), len(self.plans), len(self.checks), runs)


def _guarded(instance: dg.DagsterInstance) -> SqlEventLogStorage:
    if not dg.__version__.startswith(f"{SUPPORTED_DAGSTER}."):
        raise StorageError(
            f"Dagster's events are left alone: this is Dagster {dg.__version__}, its tables are known as of {SUPPORTED_DAGSTER}.",
            remedy="Use the Dagster that pricecast was installed with.",
        )
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        raise StorageError("Dagster's events are left alone: they lie neither in SQLite nor in PostgreSQL.")
    return storage


def _partitions(instance: dg.DagsterInstance) -> set[str]:
    return set(instance.get_dynamic_partitions(PARTITIONS_NAME))


def _find(connection: Any, keep: int, before: datetime, partitions: set[str]) -> _Found:
    old = f"timestamp < '{_text(before)}'"
    ranked = f"""
        SELECT id, run_id, partition, timestamp,
               row_number() OVER (PARTITION BY asset_key, partition ORDER BY id DESC) AS age
        FROM event_logs
        WHERE dagster_event_type = '{_MATERIALIZATION}' AND asset_key IN ({_ASSETS}) AND partition IS NOT NULL"""
    candidates = [
        (row.id, row.run_id)
        for row in connection.exec_driver_sql(f"SELECT id, run_id, partition, age FROM ({ranked}) AS ranked WHERE {old}")
        if row.age > keep or row.partition not in partitions
    ]
    spared = _pointed_at(connection, ranked, partitions) | {_newest(connection)}
    doomed = [(number, run_id) for number, run_id in candidates if number not in spared]
    plans = connection.exec_driver_sql(f"""
        SELECT id FROM (
            SELECT id, dagster_event_type, timestamp, max(id) OVER (PARTITION BY asset_key, partition) AS newest
            FROM event_logs
            WHERE dagster_event_type IN ('{_MATERIALIZATION}', '{_PLAN}') AND asset_key IN ({_ASSETS}) AND partition IS NOT NULL
        ) AS events
        WHERE dagster_event_type = '{_PLAN}' AND id < newest AND {old}""")
    checks = connection.exec_driver_sql(f"""
        SELECT id FROM (
            SELECT id, create_timestamp, max(id) OVER (PARTITION BY asset_key, check_name, partition) AS newest
            FROM asset_check_executions WHERE asset_key IN ({_ASSETS})
        ) AS results
        WHERE id < newest AND create_timestamp < '{_text(before)}'""")
    return _Found(
        [number for number, _ in doomed],
        [row.id for row in plans],
        [row.id for row in checks],
        Counter(run_id for _, run_id in doomed),
    )


def _pointed_at(connection: Any, ranked: str, partitions: set[str]) -> set[int]:
    """The numbers of the materializations that the newest ones below them were made from, of partitions there are."""
    newest = connection.exec_driver_sql(
        f"SELECT partition, event FROM event_logs WHERE id IN (SELECT id FROM ({ranked}) AS ranked WHERE age = 1)"
    )
    return {int(number) for row in newest if row.partition in partitions for number in _POINTER.findall(row.event)}


def _newest(connection: Any) -> int:
    return connection.exec_driver_sql("SELECT max(id) FROM event_logs").scalar() or 0


def _needed(connection: Any, found: _Found) -> set[str]:
    """Runs that something hangs on: a materialization that is not among those found, a newest plan or a newest check result."""
    materialized = f"""SELECT run_id, count(*) AS events FROM event_logs
        WHERE dagster_event_type IN ('{_MATERIALIZATION}', '{_OBSERVATION}') GROUP BY run_id"""
    needed = {row.run_id for row in connection.exec_driver_sql(materialized) if row.events > found.of_run[row.run_id]}
    for statement in (
        f"""SELECT run_id FROM event_logs WHERE id IN (
                SELECT max(id) FROM event_logs
                WHERE dagster_event_type IN ('{_MATERIALIZATION}', '{_PLAN}') AND asset_key IS NOT NULL
                GROUP BY asset_key, partition)""",
        """SELECT run_id FROM asset_check_executions WHERE id IN (
                SELECT max(id) FROM asset_check_executions GROUP BY asset_key, check_name, partition)""",
        "SELECT run_id FROM event_logs WHERE id IN (SELECT max(id) FROM event_logs)",
    ):
        needed |= {row.run_id for row in connection.exec_driver_sql(statement)}
    return needed


def _finished(instance: dg.DagsterInstance, needed: set[str], before: datetime) -> list[str]:
    """The finished runs from before a time that are not needed."""
    records = instance.get_run_records(dg.RunsFilter(created_before=before))
    runs = [record.dagster_run for record in records]
    return [run.run_id for run in runs if run.run_id not in needed and run.status not in UNFINISHED]


def _delete(connection: Any, table: str, column: str, numbers: Sequence[int]) -> None:
    for start in range(0, len(numbers), IDS_PER_STATEMENT):
        part = ", ".join(map(str, numbers[start : start + IDS_PER_STATEMENT]))
        connection.exec_driver_sql(f"DELETE FROM {table} WHERE {column} IN ({part})")


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
