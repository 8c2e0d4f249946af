"""Recursion: a one-step model made to see further, by feeding it what it has just forecast.

Belongs here: the loop over the days ahead, for many origins at once; every feature is rebuilt by `features.feature_rows`, the
function that training uses. Not here: the model that is asked (`members.autoregressive`).
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.features import HISTORY_DAYS, feature_rows
from pricecast_dagster.forecasting.origins import Origins

NextPrice: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""(n, 45) features of the next day of each origin -> (n,) its price."""


def forecast_recursively(next_price: NextPrice, origins: Origins, horizon_days: int) -> NDArray[np.float64]:
    """Forecast day by day.

    A forecast never leaves the range of the last 30 known days: a tree cannot tell a new level from an excursion, and errors
    fed back would carry it away. Quantities ahead are the weekday's mean of the last four weeks.

    Args:
        next_price: the one-step model.
        origins: (n,) where to begin.
        horizon_days: how far.

    Returns:
        (n, horizon_days) prices.
    """
    # In order of time: the 30 days up to the origin, then the days ahead.
    price = np.concatenate([origins.price_lags[::-1], np.empty((horizon_days, len(origins)))])
    quantity = np.concatenate([origins.quantity_lags[::-1], origins.expected_quantity(horizon_days).T])
    calendar = origins.calendar_ahead(horizon_days)
    lowest, highest = origins.recent_range
    for step in range(horizon_days):
        window = slice(step, step + HISTORY_DAYS)
        features = feature_rows(price[window][::-1], quantity[window][::-1], calendar[:, step])
        price[HISTORY_DAYS + step] = np.clip(next_price(features), lowest, highest)
    return price[HISTORY_DAYS:].T.copy()
