"""Forecasts: what was forecast for every SKU, now and in the past.

Belongs here: the tables forecast and forecast_day; services may read the view `current_forecast`. Not here: forecasting, and
comparing old forecasts with what happened (`operations.monitoring`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, insert, select, update

from pricecast_dagster.errors import UnknownVersionError
from pricecast_dagster.schemas import LOWER_80, LOWER_95, PRICE, UPPER_80, UPPER_95
from pricecast_dagster.storage.database import in_parts
from pricecast_dagster.storage.tables import forecast, forecast_day, product

_SERIES = (PRICE, LOWER_80, UPPER_80, LOWER_95, UPPER_95)


@dataclass(frozen=True, slots=True)
class StoredForecast:
    """One forecast of one SKU; its series have one element a day, the first for the day after the origin.

    Attributes:
        version: hash of the model's version, the history's, the horizon and the code.
        origin: the last day of the history it was made from.
        model_used: who answered, such as `LightGBM_v20251016T193000Z`, or a simple method.
        model_version: None where a simple method answered.
        facts: metrics, measured coverage and what else a reader is told.
        current: whether it is the SKU's newest.
    """

    sku: str
    version: str
    origin: date
    price: tuple[float, ...]
    lower_80: tuple[float, ...]
    upper_80: tuple[float, ...]
    lower_95: tuple[float, ...]
    upper_95: tuple[float, ...]
    model_used: str
    model_version: str | None
    history_version: str
    code_version: str
    made_at: datetime
    facts: dict[str, object] = field(default_factory=dict)
    current: bool = True

    @property
    def horizon_days(self) -> int:
        """How many days it covers."""
        return len(self.price)

    @property
    def dates(self) -> tuple[date, ...]:
        """The days it covers."""
        return tuple(self.origin + timedelta(days=step) for step in range(1, self.horizon_days + 1))


def store(connection: Connection, forecasts: Sequence[StoredForecast]) -> None:
    """Store forecasts; each becomes its SKU's current one.

    Args:
        connection: of a write.
        forecasts: at most one a SKU.
    """
    if not forecasts:
        return
    skus = sorted({stored.sku for stored in forecasts})
    for part in in_parts(skus):
        connection.execute(update(forecast).where(forecast.c.sku.in_(part), forecast.c.current).values(current=False))
    connection.execute(insert(forecast), [_header(stored) for stored in forecasts])
    # One current a SKU: that finds the ids of what was just inserted, in one query.
    ids: dict[str, int] = {}
    for part in in_parts(skus):
        query = select(forecast.c.sku, forecast.c.id).where(forecast.c.sku.in_(part), forecast.c.current)
        ids.update((row.sku, row.id) for row in connection.execute(query))
    connection.execute(insert(forecast_day), [day for stored in forecasts for day in _days(ids[stored.sku], stored)])


def current(connection: Connection, sku: str) -> StoredForecast:
    """The current forecast of a SKU.

    Raises:
        UnknownVersionError: nothing was ever forecast for it.
    """
    found = currents(connection, [sku])
    if sku not in found:
        raise UnknownVersionError(f"SKU {sku!r} has no forecast.", remedy=f"`pricecast forecast --sku {sku}` makes one.")
    return found[sku]


def currents(connection: Connection, skus: Iterable[str]) -> dict[str, StoredForecast]:
    """SKU -> its current forecast, for those of the given SKUs that have one."""
    found: dict[str, StoredForecast] = {}
    for part in in_parts(sorted(set(skus))):
        found.update((stored.sku, stored) for stored in _read(connection, forecast.c.sku.in_(part), forecast.c.current))
    return found


def stream(connection: Connection, *, rows_at_once: int = 5000) -> Iterator[StoredForecast]:
    """The current forecasts of all active products, by SKU, without holding them all in memory."""
    active = forecast.c.sku.in_(select(product.c.sku).where(product.c.active))
    yield from _read(connection, forecast.c.current, active, stream_results=True, max_row_buffer=rows_at_once)


def of_sku(connection: Connection, sku: str, *, origin: date | None = None, limit: int | None = None) -> list[StoredForecast]:
    """Forecasts of a SKU, newest first; of one origin, or all."""
    headers = select(forecast.c.id).where(forecast.c.sku == sku).order_by(forecast.c.id.desc()).limit(limit)
    if origin is not None:
        headers = headers.where(forecast.c.origin == origin)
    return list(_read(connection, forecast.c.id.in_(headers.subquery().select())))[::-1]


def since(connection: Connection, first_origin: date, skus: Iterable[str] | None = None) -> Iterator[StoredForecast]:
    """Forecasts whose origin is that day or later, current and past, by SKU and time; what the accuracy monitor looks at."""
    if skus is None:
        yield from _read(connection, forecast.c.origin >= first_origin)
        return
    for part in in_parts(sorted(set(skus))):
        yield from _read(connection, forecast.c.origin >= first_origin, forecast.c.sku.in_(part))


def served_days(connection: Connection, skus: Sequence[str], first_day: date, last_day: date) -> list[Row[Any]]:
    """Every day of some span that was forecast: rows (sku, origin, horizon, date, price and bands), by SKU, origin and horizon.

    Of several forecasts from one origin (a correction, another model) the last is the one that was served longest.
    """
    found: list[Row[Any]] = []
    columns = [forecast.c.sku, forecast.c.origin, forecast_day.c.horizon, forecast_day.c.date]
    for part in in_parts(sorted(set(skus))):
        last = (
            select(func.max(forecast.c.id))
            .where(forecast.c.sku.in_(part), forecast.c.origin < last_day)
            .group_by(forecast.c.sku, forecast.c.origin)
        )
        query = (
            select(*columns, *(forecast_day.c[name] for name in _SERIES))
            .join(forecast_day, forecast_day.c.forecast_id == forecast.c.id)
            .where(forecast.c.id.in_(last), forecast_day.c.date >= first_day, forecast_day.c.date <= last_day)
            .order_by(forecast.c.sku, forecast.c.origin, forecast_day.c.horizon)
        )
        found += connection.execute(query).all()
    return found


def without_model(connection: Connection, limit: int | None = None) -> dict[str, str]:
    """SKU -> the simple method that answers for it, for active products without a model."""
    query = (
        select(forecast.c.sku, forecast.c.model_used)
        .join(product)
        .where(forecast.c.current, forecast.c.model_version.is_(None), product.c.active)
        .order_by(forecast.c.sku)
        .limit(limit)
    )
    return {row.sku: row.model_used for row in connection.execute(query)}


def expired(connection: Connection, before: datetime) -> int:
    """How many forecasts were made before a time and are not current."""
    return connection.scalar(select(func.count()).select_from(forecast).where(_expired(before))) or 0


def prune(connection: Connection, before: datetime) -> int:
    """Forget forecasts that were made before a time and are not current; returns how many."""
    total = expired(connection, before)
    old = select(forecast.c.id).where(_expired(before))
    connection.execute(delete(forecast_day).where(forecast_day.c.forecast_id.in_(old)))
    connection.execute(delete(forecast).where(_expired(before)))
    return total


def forget(connection: Connection, skus: Iterable[str]) -> None:
    """Forget every forecast of some SKUs, the current ones too."""
    for part in in_parts(sorted(set(skus))):
        theirs = select(forecast.c.id).where(forecast.c.sku.in_(part))
        connection.execute(delete(forecast_day).where(forecast_day.c.forecast_id.in_(theirs)))
        connection.execute(delete(forecast).where(forecast.c.sku.in_(part)))


def histories(connection: Connection, expired_before: datetime) -> set[tuple[str, str]]:
    """SKU and raw_history version of every forecast that is not expired: the rows that it takes to make it again."""
    query = select(forecast.c.sku, forecast.c.history_version).where(~_expired(expired_before)).distinct()
    return {(row.sku, row.history_version) for row in connection.execute(query)}


def _expired(before: datetime) -> ColumnElement[bool]:
    return and_(forecast.c.made_at < before, ~forecast.c.current)


def _read(connection: Connection, *conditions: ColumnElement[bool], **options: Any) -> Iterator[StoredForecast]:
    """Forecasts by SKU and time, from two statements side by side.

    One that has what a forecast says of itself on each of its days would be read three times as slowly.
    """
    order = (forecast.c.sku, forecast.c.id)
    headers = select(forecast).where(*conditions).order_by(*order)
    days = (
        select(forecast_day.c.forecast_id, *(forecast_day.c[name] for name in _SERIES))
        .join(forecast, forecast_day.c.forecast_id == forecast.c.id)
        .where(*conditions)
        .order_by(*order, forecast_day.c.horizon)
    )
    of_each = groupby(connection.execute(days.execution_options(**options)), key=itemgetter(0))
    for header in connection.execute(headers.execution_options(**options)):
        forecast_id, rows = next(of_each)
        assert forecast_id == header.id
        _, price, lower_80, upper_80, lower_95, upper_95 = zip(*rows, strict=True)
        yield StoredForecast(
            sku=header.sku,
            version=header.version,
            origin=header.origin,
            price=price,
            lower_80=lower_80,
            upper_80=upper_80,
            lower_95=lower_95,
            upper_95=upper_95,
            model_used=header.model_used,
            model_version=header.model_version,
            history_version=header.history_version,
            code_version=header.code_version,
            made_at=header.made_at,
            facts=header.facts,
            current=header.current,
        )


def _header(stored: StoredForecast) -> dict[str, object]:
    return {
        "sku": stored.sku,
        "version": stored.version,
        "current": True,
        "origin": stored.origin,
        "horizon_days": stored.horizon_days,
        "model_used": stored.model_used,
        "model_version": stored.model_version,
        "history_version": stored.history_version,
        "code_version": stored.code_version,
        "made_at": stored.made_at,
        "facts": stored.facts,
    }


def _days(forecast_id: int, stored: StoredForecast) -> Iterator[dict[str, object]]:
    series = zip(*(getattr(stored, name) for name in _SERIES), strict=True)
    for horizon, (day, values) in enumerate(zip(stored.dates, series, strict=True), start=1):
        numbers = (float(value) for value in values)  # numpy's scalars are no parameters of psycopg2
        yield {"forecast_id": forecast_id, "horizon": horizon, "date": day, **dict(zip(_SERIES, numbers, strict=True))}
