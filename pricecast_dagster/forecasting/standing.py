"""Standing: since when a price has stood, and what it was before.

Belongs here: what can be read off a carried-forward price on each day. Not here: how likely it is to stand on (`chances`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.panel import Panel


@dataclass(frozen=True, eq=False)
class Standing:
    """How prices stand at the end of each day; (n, days) each.

    Attributes:
        before: the price before the last change; the price itself where it never changed.
        age: days since the last change, that day included.
        side: 0 where the price is below the one before, 1 where it is not.
        moved: whether it changed on that day; changed: whether it had ever changed by then.
    """

    before: NDArray[np.float64]
    age: NDArray[np.intp]
    side: NDArray[np.intp]
    moved: NDArray[np.bool_]
    changed: NDArray[np.bool_]


def standing_of(price: NDArray[np.float64]) -> Standing:
    """How prices (n, days), carried forward, stand at the end of each day."""
    columns = np.arange(price.shape[1])
    moved = np.zeros(price.shape, dtype=bool)
    moved[:, 1:] = (price[:, 1:] != price[:, :-1]) & ~np.isnan(price[:, :-1])
    latest = np.maximum.accumulate(np.where(moved, columns, 0), axis=1)
    changed = np.logical_or.accumulate(moved, axis=1)
    before = np.where(changed, np.take_along_axis(price, np.maximum(latest - 1, 0), axis=1), price)
    return Standing(before, columns - latest + 1, (price >= before).astype(np.intp), moved, changed)


def prices_before(panel: Panel) -> NDArray[np.float64]:
    """(n_skus, n_days) the price before the last change, at the end of each day; the price itself where it never changed."""
    return standing_of(panel.price).before


def price_ages(panel: Panel) -> NDArray[np.intp]:
    """(n_skus, n_days) days since the last change, that day included, at the end of each day."""
    return standing_of(panel.price).age
