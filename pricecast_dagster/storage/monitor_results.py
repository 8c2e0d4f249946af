"""Monitor results: what the monitor measured of each product, over time.

Belongs here: the monitor_result table. Not here: measuring, and what follows from it (`operations.monitoring`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from pricecast_dagster.storage.database import in_parts
from pricecast_dagster.storage.tables import monitor_result


@dataclass(frozen=True, slots=True)
class MonitorResult:
    """One measurement of one product.

    Attributes:
        kind: what was measured: drift, accuracy, coverage.
        verdict: `ok`, or what was found, in words.
        measures: the figures.
    """

    sku: str
    kind: str
    verdict: str
    measures: Mapping[str, object]
    measured_at: datetime


def record(connection: Connection, results: Sequence[MonitorResult]) -> None:
    """Store measurements."""
    rows = [{name: getattr(result, name) for name in MonitorResult.__slots__} for result in results]
    if rows:
        connection.execute(insert(monitor_result), rows)


def latest(connection: Connection, skus: Iterable[str] | None = None) -> dict[tuple[str, str], MonitorResult]:
    """(SKU, kind) -> its last measurement, of some SKUs or of all."""
    newest = select(func.max(monitor_result.c.id)).group_by(monitor_result.c.sku, monitor_result.c.kind)
    queries = [newest] if skus is None else [newest.where(monitor_result.c.sku.in_(part)) for part in in_parts(sorted(set(skus)))]
    found = (
        _result(row)
        for query in queries
        for row in connection.execute(select(monitor_result).where(monitor_result.c.id.in_(query)))
    )
    return {(result.sku, result.kind): result for result in found}


def of_sku(connection: Connection, sku: str, *, kind: str | None = None, limit: int | None = None) -> list[MonitorResult]:
    """The measurements of a product, newest first."""
    query = select(monitor_result).where(monitor_result.c.sku == sku).order_by(monitor_result.c.id.desc()).limit(limit)
    if kind is not None:
        query = query.where(monitor_result.c.kind == kind)
    return [_result(row) for row in connection.execute(query)]


def expired(connection: Connection, before: datetime) -> int:
    """How many measurements are from before a time."""
    return connection.scalar(select(func.count()).select_from(monitor_result).where(monitor_result.c.measured_at < before)) or 0


def prune(connection: Connection, before: datetime) -> int:
    """Forget measurements from before a time; returns how many."""
    return connection.execute(delete(monitor_result).where(monitor_result.c.measured_at < before)).rowcount


def _result(row: Row[Any]) -> MonitorResult:
    return MonitorResult(row.sku, row.kind, row.verdict, row.measures, row.measured_at)
