"""Served scores: how far the forecasts that were served were off, per product, window and days ahead.

Belongs here: the served_score table. Not here: computing scores (`forecasting.served`), when they are computed
(`operations.scoring`).

Of each product the newest scores are kept whole; of older ones only those of all days ahead together, as a curve over time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, select

from pricecast_dagster.storage.database import in_parts, insert_or_update
from pricecast_dagster.storage.tables import product, served_score

ALL_HORIZONS: Final = 0
WINDOWS: Final = (7, 28, 90)
"""Days that are looked back on."""

SMALL_DAYS: Final = 5
"""Scores of fewer days are said to be of a small sample."""


@dataclass(frozen=True, slots=True)
class ServedScore:
    """How far a product's served forecasts were off.

    Attributes:
        until: the last day scored: the product's last known day.
        window_days: days looked back on from there.
        horizon: days ahead; 0 is all of them together.
        forecasts: pairs of a forecast day and a price that happened; days: days with a price that were forecast.
        mae, rmse, naive_mae, bias: price units; bias is positive where forecasts were too high.
        wape: share of the summed prices, 0..1; None where prices sum to 0.
        scaled: own MAE over that of the last price known at the same origins, on the same days: under 1 is better than it;
            None where that price was exactly right and the forecast was not.
        coverage_80, coverage_95: share of days inside the band, 0..1.
    """

    sku: str
    until: date
    window_days: int
    horizon: int
    forecasts: int
    days: int
    mae: float
    rmse: float
    wape: float | None
    scaled: float | None
    naive_mae: float
    bias: float
    coverage_80: float
    coverage_95: float

    @property
    def small(self) -> bool:
        """Whether so few days say little."""
        return self.days < SMALL_DAYS


def store(connection: Connection, scores: Sequence[ServedScore]) -> None:
    """Store scores; the same again change nothing.

    Args:
        connection: of a write.
        scores: all of a product's, of one day.
    """
    newest = {score.sku: score.until for score in scores}
    for part in in_parts(sorted(newest)):
        older = served_score.c.sku.in_(part) & (served_score.c.horizon != ALL_HORIZONS)
        connection.execute(delete(served_score).where(older))
    insert_or_update(
        connection, served_score, [{name: getattr(score, name) for name in ServedScore.__slots__} for score in scores]
    )


def latest(
    connection: Connection, skus: Iterable[str] | None = None, *, window_days: int = 28, horizon: int = ALL_HORIZONS
) -> dict[str, ServedScore]:
    """SKU -> its newest score of a window and of some days ahead, of active products."""
    of_each = select(served_score.c.sku, func.max(served_score.c.until).label("until")).group_by(served_score.c.sku)
    parts: Iterable[Sequence[str] | None] = [None] if skus is None else in_parts(sorted(set(skus)))
    found: dict[str, ServedScore] = {}
    for part in parts:
        newest = (of_each if part is None else of_each.where(served_score.c.sku.in_(part))).subquery()
        query = (
            select(served_score)
            .join(newest, (newest.c.sku == served_score.c.sku) & (newest.c.until == served_score.c.until))
            .join(product, product.c.sku == served_score.c.sku)
            .where(served_score.c.window_days == window_days, served_score.c.horizon == horizon, product.c.active)
            .order_by(served_score.c.sku)
        )
        found.update((row.sku, _score(row)) for row in connection.execute(query))
    return found


def of_sku(connection: Connection, sku: str) -> list[ServedScore]:
    """The newest scores of a product: every window, every number of days ahead, 0 first."""
    newest = select(func.max(served_score.c.until)).where(served_score.c.sku == sku).scalar_subquery()
    query = (
        select(served_score)
        .where(served_score.c.sku == sku, served_score.c.until == newest)
        .order_by(served_score.c.window_days, served_score.c.horizon)
    )
    return [_score(row) for row in connection.execute(query)]


def curve(connection: Connection, sku: str, *, window_days: int = 28, limit: int = 120) -> list[ServedScore]:
    """A product's scores over time, of all days ahead together, oldest first."""
    query = (
        select(served_score)
        .where(served_score.c.sku == sku, served_score.c.window_days == window_days, served_score.c.horizon == ALL_HORIZONS)
        .order_by(served_score.c.until.desc())
        .limit(limit)
    )
    return [_score(row) for row in connection.execute(query)][::-1]


def prune(connection: Connection, before: date) -> int:
    """Forget scores of before a day; returns how many."""
    return connection.execute(delete(served_score).where(served_score.c.until < before)).rowcount


def _score(row: Row[Any]) -> ServedScore:
    return ServedScore(**row._mapping)
