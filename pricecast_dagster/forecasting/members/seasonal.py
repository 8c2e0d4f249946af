"""Additional members that need no rows: the mean of a weekday, and the theta method; off unless PRICECAST_MEMBERS names them.

Belongs here: the two of them. Not here: members that learn from rows (`additional`), and when they answer (`ensemble`).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.baselines import smoothed_level
from pricecast_dagster.forecasting.members.protocol import Fitted
from pricecast_dagster.forecasting.origins import WEEK, Origins, weekday_offsets
from pricecast_dagster.forecasting.recipe import SEASONAL_MEAN, THETA, Recipe
from pricecast_dagster.forecasting.samples import Samples

_WEEKS: Final = 4


class SeasonalMean:
    """The mean price of the weekday over the last four weeks; it has nothing to fit."""

    name = SEASONAL_MEAN
    minimum_days = 28
    cost_milliseconds = 0.1

    def fit(self, samples: Samples, recipe: Recipe, seed: int) -> Fitted:
        """Nothing."""
        return Fitted()

    def forecast(
        self, fitted: Sequence[Fitted], which: NDArray[np.intp], origins: Origins, horizon_days: int
    ) -> NDArray[np.float64]:
        """The mean; the last price where the history has no such weekday yet."""
        offsets = weekday_offsets(horizon_days)
        last = origins.last[:, None]
        total = np.zeros((len(origins), horizon_days))
        known = np.zeros((len(origins), horizon_days))
        for week in range(_WEEKS):
            # Differences to the last price: equal prices have exactly their own mean.
            difference = origins.price_lags[offsets + WEEK * week].T - last
            total += np.nan_to_num(difference)
            known += ~np.isnan(difference)
        return np.asarray(last + total / np.maximum(known, 1))


class Theta:
    """Exponential smoothing with half the drift of the straight line through the history.

    The theta method of Assimakopoulos and Nikolopoulos (2000) in the form of Hyndman and Billah (2003). The smoothing constant
    is the SKU's own, by its 14-day errors, as in the optimised variants (Fiorucci and others 2016); theta is 2.
    """

    name = THETA
    minimum_days = 35
    cost_milliseconds = 4.0

    def fit(self, samples: Samples, recipe: Recipe, seed: int) -> Fitted:
        """The smoothing constant and the drift, up to the cut."""
        history = samples.history.until(samples.history.days[samples.until])
        _, alpha = smoothed_level(history, history.last)
        days = np.flatnonzero(history.observed[0]).astype(np.float64)
        prices = samples.known
        days = days - days.mean()
        # A price that never moved has no drift, not one of rounding.
        drift = float(np.sum(days * (prices - prices[0])) / np.sum(days**2)) if samples.spread > 0 else 0.0
        return Fitted(numbers={"alpha": float(alpha[0]), "drift": drift})

    def forecast(
        self, fitted: Sequence[Fitted], which: NDArray[np.intp], origins: Origins, horizon_days: int
    ) -> NDArray[np.float64]:
        """Level + drift / 2 x (days ahead - 1 + 1 / alpha): the level lags behind a trend by the last term."""
        ahead = np.arange(horizon_days)
        answers = np.empty((len(origins), horizon_days))
        for position, member in enumerate(fitted):
            own = np.flatnonzero(which == position)
            if not len(own):
                continue
            alpha, drift = member.numbers["alpha"], member.numbers["drift"]
            level, _ = smoothed_level(origins.panel.select(origins.rows[own]), origins.columns[own], (alpha,))
            answers[own] = level[:, None] + drift / 2 * (ahead + 1 / alpha)
        return answers


ADDITIONAL_METHODS: Final = (SeasonalMean(), Theta())
