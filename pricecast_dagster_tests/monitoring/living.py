"""A shop whose days come one after the other: its rows, and living through them.

Belongs here: made rows, and refreshing with each day. Not here: passes of the monitor and what they should find (the tests).
"""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from pricecast_dagster.schemas import DATE, PRICE, QUANTITY, SKU
from pricecast_dagster_tests.shop import Shop, open_shop

SHIFTED, CALM = "SKU0001", "SKU0002"


def noisy_rows(days: int, *, shift_from: int | None = None, skus: tuple[str, ...] = (SHIFTED, CALM)) -> pd.DataFrame:
    """Products whose prices are noise about a level; that of the first moves for good on a day."""
    rng = np.random.default_rng(11)
    frames = []
    for position, sku in enumerate(skus):
        price = np.round((10 + 5 * position) * np.exp(rng.normal(0, 0.03, days)), 2)
        if sku == SHIFTED and shift_from is not None:
            price[shift_from:] = np.round(price[shift_from:] * 1.3, 2)
        dates = pd.date_range("2025-09-01", periods=days).as_unit("s")
        frames.append(pd.DataFrame({SKU: sku, DATE: dates, PRICE: price, QUANTITY: 5.0}))
    return pd.concat(frames, ignore_index=True)


def wandering_rows(days: int, skus: Sequence[str]) -> pd.DataFrame:
    """Prices that wander about a level and come back to it: no day is a surprise, so nothing is weighed again out of turn."""
    rng = np.random.default_rng(1)
    frames = []
    for position, sku in enumerate(skus):
        shocks = rng.normal(0, 0.05 * np.sqrt(1 - 0.8**2), days)
        away = np.zeros(days)
        for day in range(1, days):
            away[day] = 0.8 * away[day - 1] + shocks[day]
        dates = pd.date_range("2025-09-01", periods=days).as_unit("s")
        price = np.round((10 + 5 * position) * np.exp(away), 2)
        frames.append(pd.DataFrame({SKU: sku, DATE: dates, PRICE: price, QUANTITY: 5.0}))
    return pd.concat(frames, ignore_index=True)


def open_with(folder: Path, rows: pd.DataFrame, **settings: object) -> Shop:
    shop = open_shop(folder, products=2, days=90, trials=2, **settings)
    shop.settings = shop.settings.model_copy(update={"optimize": "auto"})
    shop.rows = rows
    return shop


def live(shop: Shop, rows: pd.DataFrame, first: int, last: int, step: int = 1) -> None:
    """Days come one after the other; each is refreshed."""
    start = rows[DATE].min()
    for day in range(first, last, step):
        shop.rows = rows[rows[DATE] <= start + pd.Timedelta(days=day)]
        shop.clock.now += timedelta(days=step)
        shop.save()
        assert not shop.refresh().failed
