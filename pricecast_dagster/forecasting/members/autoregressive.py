"""The autoregressive member: one LightGBM for the next day, fed with its own forecasts.

Belongs here: its target (the standardised price) and its fit. Not here: the recursion (`recursive`).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting import booster
from pricecast_dagster.forecasting.members.protocol import Fitted
from pricecast_dagster.forecasting.origins import Origins
from pricecast_dagster.forecasting.recipe import AUTOREGRESSIVE, Recipe
from pricecast_dagster.forecasting.recursive import forecast_recursively
from pricecast_dagster.forecasting.samples import Samples


class Autoregressive:
    """The autoregressive member."""

    name = AUTOREGRESSIVE
    minimum_days = 35
    cost_milliseconds = 12.0

    def fit(self, samples: Samples, recipe: Recipe, seed: int) -> Fitted:
        """Fit the next day's price, standardised by the history's mean and spread.

        A price that never moved has no spread: then there is no booster, and the mean, which is that price, answers.
        """
        learner = recipe.learners[self.name]
        features, price = samples.one_step(learner.features)
        if samples.spread == 0:
            return Fitted(numbers={"centre": float(samples.known[-1]), "scale": 0.0})
        centre = float(samples.known.mean())
        text = booster.fit(features, (price - centre) / samples.spread, learner.booster, seed)
        return Fitted(text, {"centre": centre, "scale": samples.spread})

    def forecast(
        self, fitted: Sequence[Fitted], which: NDArray[np.intp], origins: Origins, horizon_days: int
    ) -> NDArray[np.float64]:
        """Day by day, every feature rebuilt from what was forecast before."""
        centre = np.array([member.numbers["centre"] for member in fitted])[which]
        scale = np.array([member.numbers["scale"] for member in fitted])[which]
        boosters = booster.Boosters([member.text for member in fitted])

        def next_price(features: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.asarray(centre + scale * boosters.predict(which, features))

        return forecast_recursively(next_price, origins, horizon_days)
