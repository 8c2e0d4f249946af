"""Requests: what asks for a product to be trained again, and what became of it.

Belongs here: the retrain_request table. Not here: the policy that makes requests (`operations.retraining`). An open request is an
input of price_model like its features: the newest one that is not cancelled is what a model has to answer. One that the policy
made waits until the daily budget lets it through (`release`); until then it is no input of anything.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from pricecast_dagster.storage.database import SQLITE, in_parts
from pricecast_dagster.storage.tables import product, retrain_request


class RequestStatus(StrEnum):
    """What became of a request."""

    WAITING = "waiting"
    OPEN = "open"
    ANSWERED = "answered"
    CANCELLED = "cancelled"


COUNTING: Final = (RequestStatus.OPEN.value, RequestStatus.ANSWERED.value)
"""Requests that are an input of price_model: neither waiting nor taken back."""

_NOT_DONE: Final = (RequestStatus.WAITING.value, RequestStatus.OPEN.value)


@dataclass(frozen=True, slots=True)
class RetrainRequest:
    """One request.

    Attributes:
        reason: in a word or two: drift, accuracy, age, by hand.
        evidence: the figures it rests on.
        optimize: whether a new recipe is to be looked for; trials: with how many tuning trials, None as set.
        version: the model that answered it.
    """

    id: int
    sku: str
    reason: str
    evidence: Mapping[str, object]
    optimize: bool
    trials: int | None
    status: RequestStatus
    created_at: datetime
    answered_at: datetime | None
    version: str | None
    severity: float = 0.0
    released_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What the policy asks for: a product, the reason in a word or two, the figures, how far over the limit."""

    sku: str
    reason: str
    evidence: Mapping[str, object]
    severity: float
    optimize: bool = True
    trials: int | None = None


def create(
    connection: Connection,
    sku: str,
    reason: str,
    now: datetime,
    *,
    evidence: Mapping[str, object] | None = None,
    optimize: bool = True,
    trials: int | None = None,
) -> RetrainRequest:
    """Ask for a product to be trained at once; while a request for the same reason is open, that one is returned.

    What waits for the budget is taken back: it would come through with an older id, which nobody looks at.
    """
    connection.execute(
        update(retrain_request)
        .where(retrain_request.c.sku == sku, retrain_request.c.status == RequestStatus.WAITING.value)
        .values(status=RequestStatus.CANCELLED.value)
    )
    upsert = sqlite.insert if connection.dialect.name == SQLITE else postgresql.insert
    values = {
        "sku": sku,
        "reason": reason,
        "evidence": dict(evidence or {}),
        "optimize": optimize,
        "trials": trials,
        "created_at": now,
    }
    connection.execute(
        upsert(retrain_request)
        .values(**values)
        .on_conflict_do_nothing(index_elements=["sku", "reason"], index_where=text("status = 'open'"))
    )
    query = select(retrain_request).where(
        retrain_request.c.sku == sku,
        retrain_request.c.reason == reason,
        retrain_request.c.status == RequestStatus.OPEN.value,
    )
    return _request(connection.execute(query).one())


def newest(connection: Connection, skus: Iterable[str]) -> dict[str, RetrainRequest]:
    """SKU -> its newest request that counts, open or answered."""
    latest = select(func.max(retrain_request.c.id)).where(retrain_request.c.status.in_(COUNTING)).group_by(retrain_request.c.sku)
    found: dict[str, RetrainRequest] = {}
    for part in in_parts(sorted(set(skus))):
        query = select(retrain_request).where(retrain_request.c.id.in_(latest.where(retrain_request.c.sku.in_(part))))
        for row in connection.execute(query):
            found[row.sku] = _request(row)
    return found


def listed(
    connection: Connection, *, sku: str | None = None, status: RequestStatus | None = None, limit: int | None = None
) -> list[RetrainRequest]:
    """Requests, newest first."""
    query = select(retrain_request).order_by(retrain_request.c.id.desc()).limit(limit)
    if sku is not None:
        query = query.where(retrain_request.c.sku == sku)
    if status is not None:
        query = query.where(retrain_request.c.status == status.value)
    return [_request(row) for row in connection.execute(query)]


def answer(connection: Connection, answers: Sequence[tuple[str, int, str]], now: datetime) -> None:
    """Note that models answer requests: every one of the SKU up to the given one that is open or waits.

    One that waits and is older would be let through under a number that is no longer the newest, and nobody would take it up; if
    what asked for it is still so, the monitor asks again.

    Args:
        connection: of a write.
        answers: SKU, id of the newest request the training knew of, version of the model.
        now: the time of the answer.
    """
    for sku, request_id, version in answers:
        connection.execute(
            update(retrain_request)
            .where(
                retrain_request.c.sku == sku,
                retrain_request.c.id <= request_id,
                retrain_request.c.status.in_(_NOT_DONE),
            )
            .values(status=RequestStatus.ANSWERED.value, answered_at=now, version=version)
        )


def ask(connection: Connection, asked: Sequence[Asked], now: datetime) -> list[str]:
    """Ask for products to be trained when the budget allows it.

    Of a product that waits already the evidence is brought up to date; one that has an open request is being trained anyway.

    Returns:
        The SKUs that did not wait before.
    """
    busy: dict[str, int] = {}
    opened: set[str] = set()
    for part in in_parts(sorted({one.sku for one in asked})):
        query = select(retrain_request).where(retrain_request.c.sku.in_(part), retrain_request.c.status.in_(_NOT_DONE))
        for row in connection.execute(query):
            if row.status == RequestStatus.WAITING.value:
                busy[row.sku] = row.id
            else:
                opened.add(row.sku)
    for one in asked:
        if one.sku in busy and one.sku not in opened:
            connection.execute(
                update(retrain_request)
                .where(retrain_request.c.id == busy[one.sku])
                .values(reason=one.reason, evidence=dict(one.evidence), severity=one.severity, optimize=one.optimize)
            )
    new = [one for one in asked if one.sku not in busy and one.sku not in opened]
    if new:
        rows = [
            {
                "sku": one.sku,
                "reason": one.reason,
                "evidence": dict(one.evidence),
                "optimize": one.optimize,
                "trials": one.trials,
                "severity": one.severity,
                "status": RequestStatus.WAITING.value,
                "created_at": now,
            }
            for one in new
        ]
        connection.execute(insert(retrain_request), rows)
    return [one.sku for one in new]


def waiting(connection: Connection, limit: int | None = None) -> list[RetrainRequest]:
    """What waits for the budget, of active products, worst first."""
    query = (
        select(retrain_request)
        .join(product)
        .where(retrain_request.c.status == RequestStatus.WAITING.value, product.c.active, product.c.model_hold.is_(None))
        .order_by(retrain_request.c.severity.desc(), retrain_request.c.id)
        .limit(limit)
    )
    return [_request(row) for row in connection.execute(query)]


def release(connection: Connection, request_ids: Sequence[int], now: datetime) -> list[str]:
    """Let waiting requests through: from now on their products are out of date.

    Returns:
        Their SKUs; one that was taken back meanwhile is not among them.
    """
    released: list[str] = []
    for part in in_parts(sorted(request_ids)):
        chosen = retrain_request.c.id.in_(part) & (retrain_request.c.status == RequestStatus.WAITING.value)
        released += [row.sku for row in connection.execute(select(retrain_request.c.sku).where(chosen))]
        connection.execute(update(retrain_request).where(chosen).values(status=RequestStatus.OPEN.value, released_at=now))
    return sorted(released)


def released_since(connection: Connection, moment: datetime) -> list[RetrainRequest]:
    """What came through the budget since a time, whatever became of it."""
    query = select(retrain_request).where(retrain_request.c.released_at >= moment).order_by(retrain_request.c.id)
    return [_request(row) for row in connection.execute(query)]


def last_asked(connection: Connection) -> dict[str, RetrainRequest]:
    """SKU -> what was asked for it last, whatever became of it."""
    latest = select(func.max(retrain_request.c.id)).group_by(retrain_request.c.sku)
    query = select(retrain_request).where(retrain_request.c.id.in_(latest))
    return {row.sku: _request(row) for row in connection.execute(query)}


def cancel(connection: Connection, request_id: int) -> bool:
    """Take a request back that waits or is open; returns whether it was."""
    cancelled = connection.execute(
        update(retrain_request)
        .where(retrain_request.c.id == request_id, retrain_request.c.status.in_(_NOT_DONE))
        .values(status=RequestStatus.CANCELLED.value)
    )
    return cancelled.rowcount > 0


def cancel_all(connection: Connection, sku: str) -> None:
    """Take back every request of a product that waits or is open."""
    connection.execute(
        update(retrain_request)
        .where(retrain_request.c.sku == sku, retrain_request.c.status.in_(_NOT_DONE))
        .values(status=RequestStatus.CANCELLED.value)
    )


def _request(row: Row[Any]) -> RetrainRequest:
    return RetrainRequest(**{**row._mapping, "status": RequestStatus(row.status)})
