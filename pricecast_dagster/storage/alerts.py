"""Alerts: what is wrong now, since when, and when somebody was last told of it.

Belongs here: the alert table. Not here: finding out what is wrong (`operations.findings`), what of it is told
(`operations.digests`), and the messages (`storage.letters`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, select, text

from pricecast_dagster.storage.database import SQLITE, insert_or_update
from pricecast_dagster.storage.tables import alert


class Severity(StrEnum):
    """How much a finding matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """0 for the least."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Alert:
    """One subject that is wrong, or was.

    Attributes:
        subject: its kind and whom it concerns, such as `failed:SKU0001`; a subject has one row however often it comes and goes.
        told: what is wrong, in words; remedy: what to do.
        evidence: the figures and ids it rests on.
        since: when it began this time; seen_at: when it was last found; resolved_at: when it was gone, None while it lasts.
        told_at: when a message last told of the subject, this time or an earlier one; told_severity: how grave it was then.
        announced: whether a message told of it this time.
    """

    subject: str
    kind: str
    sku: str | None
    severity: Severity
    told: str
    remedy: str
    evidence: Mapping[str, object]
    since: datetime
    seen_at: datetime
    resolved_at: datetime | None = None
    told_at: datetime | None = None
    told_severity: Severity | None = None
    announced: bool = False


def lock(connection: Connection) -> None:
    """Make other passes wait until the transaction ends: two of them at once must not tell the same twice."""
    if connection.dialect.name != SQLITE:
        connection.execute(text("LOCK TABLE alert IN SHARE ROW EXCLUSIVE MODE"))


def of_kinds(connection: Connection, kinds: Collection[str]) -> dict[str, Alert]:
    """Subject -> alert, of these kinds, the resolved ones too."""
    return _by_subject(connection, select(alert).where(alert.c.kind.in_(kinds)))


def present(connection: Connection, *, sku: str | None = None, limit: int | None = None) -> list[Alert]:
    """Those that last, the gravest first, then the oldest."""
    query = select(alert).where(alert.c.resolved_at.is_(None)).order_by(alert.c.since, alert.c.subject)
    if sku is not None:
        query = query.where(alert.c.sku == sku)
    found = sorted(_by_subject(connection, query).values(), key=lambda one: -one.severity.rank)
    return found[:limit]


def counts(connection: Connection) -> dict[Severity, int]:
    """How many last, by severity; every severity is there."""
    query = select(alert.c.severity, func.count()).where(alert.c.resolved_at.is_(None)).group_by(alert.c.severity)
    found = {row[0]: row[1] for row in connection.execute(query)}
    return {severity: int(found.get(severity.value, 0)) for severity in Severity}


def keep(connection: Connection, alerts: Sequence[Alert]) -> None:
    """Store alerts; a subject's row is replaced."""
    insert_or_update(connection, alert, [asdict(one) for one in alerts])


def prune(connection: Connection, before: datetime) -> int:
    """Forget what was resolved before a time; returns how many."""
    return connection.execute(delete(alert).where(alert.c.resolved_at < before)).rowcount


def _by_subject(connection: Connection, query: "Select[Any]") -> dict[str, Alert]:
    return {one.subject: one for one in _alerts(connection.execute(query))}


def _alerts(rows: Iterable[Row[Any]]) -> Iterable[Alert]:
    for row in rows:
        values = dict(row._mapping)
        told = values["told_severity"]
        values |= {"severity": Severity(values["severity"]), "told_severity": None if told is None else Severity(told)}
        yield Alert(**values)
