"""Simple exponential smoothing: the level of the price, old days forgotten at a rate the SKU's own history chose.

Belongs here: choosing the rate and forecasting the level. Source: Hyndman and Athanasopoulos, Forecasting: Principles and
Practice, 3rd ed., 8.1; the rate is the one with the least squared error over the next 14 days (not the next one, as usual:
a fortnight is what is asked for).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.members.protocol import Fitted
from pricecast_dagster.forecasting.origins import Origins
from pricecast_dagster.forecasting.recipe import SMOOTHING, Recipe
from pricecast_dagster.forecasting.samples import Samples

RATES: Final = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 0.9)
_JUDGED_DAYS: Final = 14


class Smoothing:
    """The smoothing member."""

    name = SMOOTHING
    minimum_days = 2
    cost_milliseconds = 2.0

    def fit(self, samples: Samples, recipe: Recipe, seed: int) -> Fitted:
        """Choose the rate."""
        first = int(samples.history.first[0])
        price = samples.history.price[0, first : samples.until + 1]
        observed = samples.history.observed[0, first : samples.until + 1]
        levels = smoothed(np.broadcast_to(price, (len(RATES), len(price))), np.array(RATES))
        errors = _errors_ahead(levels, price, observed)
        return Fitted(numbers={"rate": RATES[int(np.argmin(errors))]})

    def forecast(
        self, fitted: Sequence[Fitted], which: NDArray[np.intp], origins: Origins, horizon_days: int
    ) -> NDArray[np.float64]:
        """The level at each origin, the same for every day ahead."""
        pairs, positions = np.unique(np.stack([origins.rows, which]), axis=1, return_inverse=True)
        rates = np.array([fitted[position].numbers["rate"] for position in pairs[1]])
        levels = smoothed(origins.panel.price[pairs[0]], rates)
        level = levels[positions.ravel(), origins.columns]
        return np.repeat(level[:, None], horizon_days, axis=1)


def smoothed(price: NDArray[np.float64], rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Levels of some series.

    Args:
        price: (n, days), NaN before a series' first day.
        rates: (n,) between 0 and 1.

    Returns:
        (n, days) the level at the end of each day; it starts at the first price.
    """
    levels = np.empty(price.shape)
    level = price[:, 0].copy()
    # Day by day: each level needs the one before. In this form a price that does not move stays exact.
    for day in range(price.shape[1]):
        today = price[:, day]
        level = np.where(np.isnan(level), today, level)
        level = level + rates * (today - level)
        levels[:, day] = level
    return levels


def _errors_ahead(levels: NDArray[np.float64], price: NDArray[np.float64], observed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(rates,) summed squared errors of the levels over the observed days of the next fortnight."""
    errors = np.zeros(len(levels))
    for ahead in range(1, min(_JUDGED_DAYS, len(price) - 1) + 1):
        misses = (levels[:, :-ahead] - price[ahead:])[:, observed[ahead:]]
        errors += (misses * misses).sum(axis=1)
    return errors
