"""Monitor results: what the monitor found of each product, over time.

Belongs here: the monitor_result table. Not here: measuring, and what follows from it (`operations.monitoring`); the scores of
served forecasts have a table of their own (`storage.served_scores`).

A product that is well, and was, adds no rows: 10,000 products with three kinds a day would add eleven million a year.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select

from pricecast_dagster.storage.database import in_parts
from pricecast_dagster.storage.tables import monitor_result, product

GOOD: Final = "ok"
"""The verdict where there is nothing to tell."""


@dataclass(frozen=True, slots=True)
class MonitorResult:
    """One measurement of one product.

    Attributes:
        kind: what was measured: accuracy, shift, noise, drift, correction, trial.
        verdict: `ok`, or what was found, in words.
        measures: the figures.
        day: the last day of the rows it was measured on; None where that has no meaning.
    """

    sku: str
    kind: str
    verdict: str
    measures: Mapping[str, object]
    measured_at: datetime
    day: date | None = None


def record(connection: Connection, results: Sequence[MonitorResult]) -> None:
    """Store measurements; one of the same SKU, kind and day takes the place of the one before."""
    rows = [{name: getattr(result, name) for name in MonitorResult.__slots__} for result in results]
    if not rows:
        return
    by_key: dict[tuple[str, date], list[str]] = {}
    for result in results:
        if result.day is not None:
            by_key.setdefault((result.kind, result.day), []).append(result.sku)
    for (kind, day), skus in by_key.items():
        for part in in_parts(sorted(skus)):
            same = (monitor_result.c.kind == kind) & (monitor_result.c.day == day) & monitor_result.c.sku.in_(part)
            connection.execute(delete(monitor_result).where(same))
    connection.execute(insert(monitor_result), rows)


def record_news(connection: Connection, results: Sequence[MonitorResult]) -> list[MonitorResult]:
    """Store those worth a row: what is not well, and what is well again.

    Returns:
        Those whose verdict says something else than the last one of that SKU and kind: begun, changed or over.
    """
    before = latest(connection, [result.sku for result in results])
    stored: list[MonitorResult] = []
    news: list[MonitorResult] = []
    for result in results:
        last = before.get((result.sku, result.kind))
        was_good = last is None or last.verdict == GOOD
        if result.verdict == GOOD and was_good and (last is None or last.day != result.day):
            continue
        stored.append(result)
        if was_good != (result.verdict == GOOD):
            news.append(result)
    record(connection, stored)
    return news


def found(connection: Connection) -> list[MonitorResult]:
    """What is not well of active products: the last word of each SKU and kind that is not `ok`, by SKU."""
    newest = select(func.max(monitor_result.c.id)).group_by(monitor_result.c.sku, monitor_result.c.kind)
    query = (
        select(monitor_result)
        .join(product)
        .where(monitor_result.c.id.in_(newest), monitor_result.c.verdict != GOOD, product.c.active)
        .order_by(monitor_result.c.sku, monitor_result.c.kind)
    )
    return [_result(row) for row in connection.execute(query)]


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


def of_day(connection: Connection, day: date) -> list[MonitorResult]:
    """What was not well on rows until a day, by SKU."""
    query = select(monitor_result).where(monitor_result.c.day == day, monitor_result.c.verdict != GOOD)
    return [_result(row) for row in connection.execute(query.order_by(monitor_result.c.sku, monitor_result.c.kind))]


def expired(connection: Connection, before: datetime) -> int:
    """How many measurements are from before a time."""
    return connection.scalar(select(func.count()).select_from(monitor_result).where(monitor_result.c.measured_at < before)) or 0


def prune(connection: Connection, before: datetime) -> int:
    """Forget measurements from before a time; returns how many."""
    return connection.execute(delete(monitor_result).where(monitor_result.c.measured_at < before)).rowcount


def _result(row: Row[Any]) -> MonitorResult:
    return MonitorResult(row.sku, row.kind, row.verdict, row.measures, row.measured_at, row.day)
