"""The direct members: one LightGBM for every day ahead at once, on the difference to a base known at the origin.

Belongs here: the two of them. `direct_step` learns absolute errors of the difference to the last price: it stays where it is
unless moving is usual. `direct_level` learns squared errors of the difference to the mean of 28 days: it goes back to the level.
Not here: their rows (`samples`).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting import booster
from pricecast_dagster.forecasting.features import feature_rows
from pricecast_dagster.forecasting.members.protocol import Fitted
from pricecast_dagster.forecasting.origins import Origins, trailing_mean
from pricecast_dagster.forecasting.recipe import DIRECT_LEVEL, DIRECT_STEP, Recipe
from pricecast_dagster.forecasting.samples import LEVEL_DAYS, Samples, direct_features, subtract_base


class _Direct:
    """A direct member; the base tells the two apart."""

    minimum_days: Final = 35
    cost_milliseconds: Final = 25.0

    def __init__(self, name: str) -> None:
        self.name = name

    def fit(self, samples: Samples, recipe: Recipe, seed: int) -> Fitted:
        """Fit the difference to the base over the SKU's spread; without a spread there is no booster and no difference."""
        if samples.spread == 0:
            return Fitted(numbers={"scale": 0.0})
        base = samples.design.last if self.name == DIRECT_STEP else samples.design.level
        learner = recipe.learners[self.name]
        features, difference = samples.direct(base, learner.features)
        text = booster.fit(features, difference / samples.spread, learner.booster, seed)
        return Fitted(text, {"scale": samples.spread})

    def forecast(
        self, fitted: Sequence[Fitted], which: NDArray[np.intp], origins: Origins, horizon_days: int
    ) -> NDArray[np.float64]:
        """All days ahead in one pass."""
        base = origins.last if self.name == DIRECT_STEP else trailing_mean(origins.price_lags, LEVEL_DAYS)
        features = direct_rows(origins, horizon_days)
        scale = np.array([member.numbers["scale"] for member in fitted])[which]
        boosters = booster.Boosters([member.text for member in fitted])
        rows = subtract_base(features, np.repeat(base, horizon_days))
        moves = boosters.predict(np.repeat(which, horizon_days), rows).reshape(len(origins), horizon_days)
        return np.asarray(base[:, None] + scale[:, None] * moves)


DIRECT_MEMBERS: Final = (_Direct(DIRECT_STEP), _Direct(DIRECT_LEVEL))


def direct_rows(origins: Origins, horizon_days: int) -> NDArray[np.float64]:
    """(n * h, 47) direct features of every day ahead of every origin, before the base is taken off."""
    calendar = origins.calendar_ahead(horizon_days)
    state = feature_rows(origins.price_lags, origins.quantity_lags, calendar[:, 0])
    return direct_features(
        np.repeat(state, horizon_days, axis=0),
        calendar.reshape(-1, calendar.shape[2]),
        np.tile(np.arange(1, horizon_days + 1), len(origins)),
        origins.same_weekday_price(horizon_days).ravel(),
    )
