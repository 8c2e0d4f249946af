"""Ingests: the reads of the source, those that came to an end and those that did not.

Belongs here: the ingest table. Not here: reading the source, and whether it has to be read (`stages.ingest`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, func, insert, select, update

from pricecast_dagster.storage.tables import ingest, stage_state

ATTEMPTS = 3
"""A source that could not be read so often in one and the same form is not tried again until it moves or a person asks."""


@dataclass(frozen=True, slots=True)
class Ingest:
    """One read of the source.

    Attributes:
        fingerprint: of the cheap look at the source before it was read.
        finished_at: when all it brought was stored, or when it failed; None while it runs, or where it was killed.
        complete: whether it took up all products; only then does it answer for the fingerprint.
        counts: of lines: read, taken, rejected by reason.
        error: why it failed.
    """

    id: int
    fingerprint: str
    run_id: str | None
    started_at: datetime
    finished_at: datetime | None
    complete: bool
    counts: Mapping[str, int]
    error: str | None


@dataclass(frozen=True, slots=True)
class Finished:
    """The last complete read of the source."""

    id: int
    fingerprint: str
    finished_at: datetime
    counts: Mapping[str, int]


def start(connection: Connection, fingerprint: str, now: datetime, run_id: str | None) -> int:
    """Note that a read begins; its id orders reads by their beginning."""
    values = {"fingerprint": fingerprint, "started_at": now, "run_id": run_id, "counts": {}}
    return int(connection.execute(insert(ingest).values(values).returning(ingest.c.id)).scalar_one())


def finish(connection: Connection, ingest_id: int, counts: Mapping[str, int], now: datetime, *, complete: bool) -> None:
    """Note that all that a read brought is stored."""
    values = {"counts": dict(counts), "finished_at": now, "complete": complete, "error": None}
    connection.execute(update(ingest).where(ingest.c.id == ingest_id).values(values))


def fail(connection: Connection, ingest_id: int, error: str, now: datetime) -> None:
    """Note that a read failed; nothing of it was taken."""
    connection.execute(update(ingest).where(ingest.c.id == ingest_id).values(error=error, finished_at=now))


def last_finished(connection: Connection) -> Finished | None:
    """The last read that took up all products; None where there was none."""
    query = select(ingest).where(ingest.c.complete).order_by(ingest.c.id.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else Finished(row.id, row.fingerprint, row.finished_at, row.counts)


def recent(connection: Connection, limit: int) -> list[Ingest]:
    """The last reads of any kind, newest first."""
    query = select(ingest).order_by(ingest.c.id.desc()).limit(limit)
    return [Ingest(**row._mapping) for row in connection.execute(query)]


def failures(connection: Connection, fingerprint: str) -> list[Ingest]:
    """The failed reads of the source in this form since it last was read completely, newest first."""
    last = last_finished(connection)
    query = (
        select(ingest)
        .where(ingest.c.fingerprint == fingerprint, ingest.c.error.is_not(None), ingest.c.id > (last.id if last else 0))
        .order_by(ingest.c.id.desc())
    )
    return [Ingest(**row._mapping) for row in connection.execute(query)]


def answered(connection: Connection, fingerprint: str, *, attempts: int = ATTEMPTS) -> str | None:
    """Why the source in this form needs no read, in words; None where it does.

    It was the last to be read completely, or it could not be read so many times.
    """
    last = last_finished(connection)
    if last is not None and last.fingerprint == fingerprint:
        return f"Nothing in the source has moved since it was read at {last.finished_at:%Y-%m-%d %H:%M:%S} UTC."
    failed = failures(connection, fingerprint)
    if len(failed) >= attempts:
        return f"The source as it is could not be read {len(failed)} times; it is read again when it moves. {failed[0].error}"
    return None


def expired(connection: Connection, before: datetime) -> int:
    """How many reads `prune` would forget."""
    return connection.scalar(select(func.count()).select_from(_expired(connection, before).subquery())) or 0


def prune(connection: Connection, before: datetime) -> int:
    """Forget reads that began before a time, but for the last complete one and those that rows in force came from.

    Returns:
        How many.
    """
    total = expired(connection, before)
    connection.execute(ingest.delete().where(ingest.c.id.in_(_expired(connection, before))))
    return total


def known(connection: Connection) -> set[int]:
    """The ids of all reads on record."""
    return set(connection.scalars(select(ingest.c.id)))


def _expired(connection: Connection, before: datetime) -> Select[tuple[int]]:
    last = last_finished(connection)
    in_force = select(stage_state.c.ingest_id).where(stage_state.c.ingest_id.is_not(None))
    return select(ingest.c.id).where(
        ingest.c.started_at < before, ingest.c.id != (last.id if last else 0), ingest.c.id.not_in(in_force)
    )
