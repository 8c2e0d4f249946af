"""Letters: digests on their way to each receiver; what could not be delivered stays here until it can.

Belongs here: the tables alert_digest and alert_delivery. Not here: what a digest says (`operations.digests`), sending it
(`operations.delivery`).

A digest is stored in the transaction that notes what it tells, so nothing is told of twice and nothing is lost when the process
dies before it is sent.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from pricecast_dagster.storage.tables import alert_delivery, alert_digest


class DeliveryStatus(StrEnum):
    """What became of a letter."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Letter:
    """A digest for one receiver.

    Attributes:
        target: name of the receiver, without what is secret in its address.
        attempts: how often it was tried; error: what the last attempt ended with.
    """

    digest_id: int
    target: str
    status: DeliveryStatus
    attempts: int
    next_try_at: datetime
    delivered_at: datetime | None
    error: str | None
    created_at: datetime
    content: Mapping[str, Any]


def post(connection: Connection, content: Mapping[str, object], severity: str, targets: Sequence[str], now: datetime) -> int:
    """Store a digest and one letter a receiver; returns its id."""
    values = {"created_at": now, "severity": severity, "content": dict(content)}
    id_ = int(connection.execute(insert(alert_digest).values(values).returning(alert_digest.c.id)).scalar_one())
    letters = [
        {"digest_id": id_, "target": target, "status": DeliveryStatus.WAITING.value, "attempts": 0, "next_try_at": now}
        for target in dict.fromkeys(targets)
    ]
    if letters:
        connection.execute(insert(alert_delivery), letters)
    return id_


def undelivered(connection: Connection, *, status: DeliveryStatus | None = None, limit: int | None = None) -> list[Letter]:
    """Letters that wait or were given up, oldest first."""
    statuses = [status.value] if status else [DeliveryStatus.WAITING.value, DeliveryStatus.DEAD.value]
    query = _letters().where(alert_delivery.c.status.in_(statuses)).limit(limit)
    return [_letter(row) for row in connection.execute(query)]


def first_waiting(connection: Connection, target: str) -> Letter | None:
    """The oldest letter that waits for a receiver: they are delivered in order."""
    query = _letters().where(alert_delivery.c.status == DeliveryStatus.WAITING.value, alert_delivery.c.target == target)
    row = connection.execute(query.limit(1)).one_or_none()
    return None if row is None else _letter(row)


def take(connection: Connection, letter: Letter, until: datetime) -> bool:
    """Claim a letter for sending; nobody else sends it before `until`. False where somebody else was quicker."""
    taken = connection.execute(
        update(alert_delivery)
        .where(
            *_is(letter),
            alert_delivery.c.status == DeliveryStatus.WAITING.value,
            alert_delivery.c.attempts == letter.attempts,
            alert_delivery.c.next_try_at == letter.next_try_at,
        )
        .values(next_try_at=until, attempts=letter.attempts + 1)
    )
    return taken.rowcount == 1


def delivered(connection: Connection, letter: Letter, now: datetime) -> None:
    """Note that a letter has arrived."""
    values = {"status": DeliveryStatus.DELIVERED.value, "delivered_at": now, "error": None}
    connection.execute(update(alert_delivery).where(*_is(letter)).values(values))


def failed(connection: Connection, letter: Letter, error: str, next_try_at: datetime) -> None:
    """Note that a letter did not arrive, and when it is tried again."""
    connection.execute(update(alert_delivery).where(*_is(letter)).values(error=error, next_try_at=next_try_at))


def give_up(connection: Connection, before: datetime) -> int:
    """Give up waiting letters from before a time; returns how many. They stay on record, and can be revived."""
    old = select(alert_digest.c.id).where(alert_digest.c.created_at < before)
    waiting = alert_delivery.c.status == DeliveryStatus.WAITING.value
    dead = update(alert_delivery).where(waiting, alert_delivery.c.digest_id.in_(old))
    return connection.execute(dead.values(status=DeliveryStatus.DEAD.value)).rowcount


def revive(connection: Connection, targets: Collection[str], now: datetime) -> int:
    """Let dead letters of these receivers wait again, and those that wait be tried at once; returns how many were dead."""
    here = alert_delivery.c.target.in_(targets)
    waiting = here & (alert_delivery.c.status == DeliveryStatus.WAITING.value) & (alert_delivery.c.attempts > 0)
    connection.execute(update(alert_delivery).where(waiting).values(next_try_at=now))
    dead = update(alert_delivery).where(here, alert_delivery.c.status == DeliveryStatus.DEAD.value)
    return connection.execute(dead.values(status=DeliveryStatus.WAITING.value, attempts=0, next_try_at=now)).rowcount


def counts(connection: Connection) -> dict[DeliveryStatus, int]:
    """How many letters there are in each state; every state is there."""
    query = select(alert_delivery.c.status, func.count()).group_by(alert_delivery.c.status)
    found = {row[0]: row[1] for row in connection.execute(query)}
    return {status: int(found.get(status.value, 0)) for status in DeliveryStatus}


def prune(connection: Connection, before: datetime) -> int:
    """Forget digests from before a time, with their letters; returns how many."""
    return connection.execute(delete(alert_digest).where(alert_digest.c.created_at < before)).rowcount


def _letters() -> Any:
    return (
        select(alert_delivery, alert_digest.c.created_at, alert_digest.c.content)
        .join(alert_digest, alert_digest.c.id == alert_delivery.c.digest_id)
        .order_by(alert_delivery.c.digest_id, alert_delivery.c.target)
    )


def _is(letter: Letter) -> tuple[Any, Any]:
    return alert_delivery.c.digest_id == letter.digest_id, alert_delivery.c.target == letter.target


def _letter(row: Row[Any]) -> Letter:
    return Letter(**{**row._mapping, "status": DeliveryStatus(row.status)})
