"""Builders for tests and examples: small histories and panels, written the way one would say them.

Belongs here: making inputs. Not here: assertions, and anything that pricecast itself runs on.

    >>> panel = tiny_panel({"coffee": [10.0, None, 12.0]})
    >>> panel.price.tolist()
    [[10.0, 10.0, 12.0]]
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pricecast_dagster.forecasting.panel import Panel, build_panel
from pricecast_dagster.schemas import DATE, HISTORY_COLUMNS, PRICE, QUANTITY, SKU

FIRST_DAY = "2026-01-01"


def history_frame(
    prices: Mapping[str, Sequence[float | None]],
    *,
    quantities: Mapping[str, Sequence[float | None]] | None = None,
    first_day: str = FIRST_DAY,
) -> pd.DataFrame:
    """A history of consecutive days.

    Args:
        prices: SKU -> the price of each day from `first_day` on; None makes a day without a record.
        quantities: SKU -> the quantity of each day, None where it is unknown; 1 everywhere if left out.
        first_day: ISO date of the first element.

    Returns:
        Rows of schemas.HISTORY_COLUMNS, as raw_history holds them.
    """
    rows = [
        (sku, np.datetime64(first_day, "s") + np.timedelta64(day, "D"), price, _quantity(quantities, sku, day))
        for sku, values in prices.items()
        for day, price in enumerate(values)
        if price is not None
    ]
    skus, days, values, amounts = zip(*rows, strict=True) if rows else ((), (), (), ())
    return _typed(skus, np.array(days, dtype="datetime64[s]"), np.array(values, float), np.array(amounts, float))


def tiny_panel(
    prices: Mapping[str, Sequence[float | None]],
    *,
    quantities: Mapping[str, Sequence[float | None]] | None = None,
    first_day: str = FIRST_DAY,
) -> Panel:
    """The panel of `history_frame`."""
    return build_panel(history_frame(prices, quantities=quantities, first_day=first_day))


def random_history(n_skus: int, n_days: int, *, seed: int, gap_share: float = 0.0, first_day: str = FIRST_DAY) -> pd.DataFrame:
    """Histories like shelf prices: steps that stay, two decimals, quantities that fall when the price rises.

    Args:
        n_skus: how many SKUs; they are called SKU0001 and so on.
        n_days: days of each; the first and the last always have a record.
        seed: the same seed gives the same rows; a SKU's rows do not depend on how many there are.
        gap_share: share of the other days that have no record.
        first_day: ISO date.
    """
    days = np.datetime64(first_day, "D") + np.arange(n_days)
    frames = []
    for position in range(n_skus):
        generator = np.random.default_rng([seed, position])
        regular = np.exp(generator.uniform(0.5, 4.0))
        steps = np.where(generator.random(n_days) < 0.06, generator.normal(0.0, 0.12, n_days), 0.0)
        price = np.maximum(np.round(regular * np.exp(np.cumsum(steps)), 2), 0.01)
        quantity = generator.poisson(np.clip(20.0 * regular / price, 0.0, 1000.0)).astype(float)
        kept = generator.random(n_days) >= gap_share
        kept[[0, -1]] = True
        skus = [f"SKU{position + 1:04d}"] * int(kept.sum())
        frames.append(_typed(skus, days[kept].astype("datetime64[s]"), price[kept], quantity[kept]))
    return pd.concat(frames, ignore_index=True) if frames else history_frame({})


def random_panel(n_skus: int, n_days: int, *, seed: int, gap_share: float = 0.0) -> Panel:
    """The panel of `random_history`."""
    return build_panel(random_history(n_skus, n_days, seed=seed, gap_share=gap_share))


def _quantity(quantities: Mapping[str, Sequence[float | None]] | None, sku: str, day: int) -> float:
    if quantities is None:
        return 1.0
    quantity = quantities[sku][day]
    return np.nan if quantity is None else quantity


def _typed(skus: Sequence[str], days: np.ndarray, prices: np.ndarray, quantities: np.ndarray) -> pd.DataFrame:
    columns = {SKU: pd.array(list(skus), dtype="str"), DATE: days, PRICE: prices, QUANTITY: quantities}
    return pd.DataFrame(columns)[list(HISTORY_COLUMNS)]
