"""Requests: what asks for a product to be trained again, and what became of it.

Belongs here: the retrain_request table. Not here: the policy that makes requests (`operations.monitoring`). A request is an
input of price_model like its features: the newest one that is not cancelled is what a model has to answer.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from pricecast_dagster.storage.database import SQLITE, in_parts
from pricecast_dagster.storage.tables import retrain_request


class RequestStatus(StrEnum):
    """What became of a request."""

    OPEN = "open"
    ANSWERED = "answered"
    CANCELLED = "cancelled"


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
    """Ask for a product to be trained again; while a request for the same reason is open, that one is returned."""
    insert = sqlite.insert if connection.dialect.name == SQLITE else postgresql.insert
    values = {
        "sku": sku,
        "reason": reason,
        "evidence": dict(evidence or {}),
        "optimize": optimize,
        "trials": trials,
        "created_at": now,
    }
    connection.execute(
        insert(retrain_request)
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
    """SKU -> its newest request that is not cancelled, open or answered."""
    latest = (
        select(func.max(retrain_request.c.id))
        .where(retrain_request.c.status != RequestStatus.CANCELLED.value)
        .group_by(retrain_request.c.sku)
    )
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
    """Note that models answer requests: every open one of the SKU up to the given one.

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
                retrain_request.c.status == RequestStatus.OPEN.value,
            )
            .values(status=RequestStatus.ANSWERED.value, answered_at=now, version=version)
        )


def cancel(connection: Connection, request_id: int) -> bool:
    """Take an open request back; returns whether it was open."""
    cancelled = connection.execute(
        update(retrain_request)
        .where(retrain_request.c.id == request_id, retrain_request.c.status == RequestStatus.OPEN.value)
        .values(status=RequestStatus.CANCELLED.value)
    )
    return cancelled.rowcount > 0


def cancel_all(connection: Connection, sku: str) -> None:
    """Take back every open request of a product."""
    connection.execute(
        update(retrain_request)
        .where(retrain_request.c.sku == sku, retrain_request.c.status == RequestStatus.OPEN.value)
        .values(status=RequestStatus.CANCELLED.value)
    )


def _request(row: Row[Any]) -> RetrainRequest:
    return RetrainRequest(**{**row._mapping, "status": RequestStatus(row.status)})
