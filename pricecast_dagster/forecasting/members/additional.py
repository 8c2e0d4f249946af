"""Additional members: learners of other families on the rows of the direct ones; off unless PRICECAST_MEMBERS names them.

Belongs here: the protocol's side of them: rows, target (the difference to the last price over the SKU's spread), one engine for
each fitted member. Not here: the engines (`ridge`, `forest`, `gradients`), and members that need no rows (`seasonal`).

They are weighed by the same past origins as all others, from a prior of nothing: one that has not been right gets no weight, is
not fitted for good and costs no forecast.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.members import forest, gradients, ridge
from pricecast_dagster.forecasting.members.direct import direct_rows
from pricecast_dagster.forecasting.members.protocol import Engine, Fitted
from pricecast_dagster.forecasting.origins import Origins
from pricecast_dagster.forecasting.recipe import CATBOOST, DIRECT_STEP, EXTRA_TREES, RIDGE, XGBOOST, Learner, Recipe
from pricecast_dagster.forecasting.samples import Samples, subtract_base

Rows = NDArray[np.float64]
Fit = Callable[[Rows, Rows, Learner, int], str]
Load = Callable[[str], Engine]


class Additional:
    """A learner of another family on the rows of `direct_step`, with its features and, where it boosts, its hyperparameters."""

    minimum_days: Final = 35

    def __init__(self, name: str, fit: Fit, load: Load, cost_milliseconds: float) -> None:
        """Take an engine: `fit` gives its text, `load` brings it back."""
        self.name = name
        self.cost_milliseconds = cost_milliseconds
        self._fit = fit
        self._load = load

    def fit(self, samples: Samples, recipe: Recipe, seed: int) -> Fitted:
        """Fit the difference to the last price; without a spread there is nothing to fit and no difference."""
        if samples.spread == 0:
            return Fitted(numbers={"scale": 0.0})
        learner = recipe.learners[DIRECT_STEP]
        features, difference = samples.direct(samples.design.last, learner.features)
        # Trees of other libraries and lines know no missing value: a price before the first counts as the last one.
        text = self._fit(np.nan_to_num(features), difference / samples.spread, learner, seed)
        return Fitted(text, {"scale": samples.spread})

    def forecast(
        self, fitted: Sequence[Fitted], which: NDArray[np.intp], origins: Origins, horizon_days: int
    ) -> NDArray[np.float64]:
        """All days ahead in one pass."""
        rows = np.nan_to_num(subtract_base(direct_rows(origins, horizon_days), np.repeat(origins.last, horizon_days)))
        moves = np.zeros(len(rows))
        starts = np.searchsorted(which, np.arange(len(fitted) + 1)) * horizon_days
        for member, start, stop in zip(fitted, starts, starts[1:], strict=False):
            if member.text and stop > start:
                moves[start:stop] = member.numbers["scale"] * self._load(member.text)(rows[start:stop])
        return np.asarray(origins.last[:, None] + moves.reshape(len(origins), horizon_days))


ADDITIONAL_LEARNERS: Final = (
    Additional(RIDGE, ridge.fit, ridge.load, 10.0),
    Additional(EXTRA_TREES, forest.fit, forest.load, 120.0),
    Additional(XGBOOST, gradients.fit_xgboost, gradients.load_xgboost, 60.0),
    Additional(CATBOOST, gradients.fit_catboost, gradients.load_catboost, 120.0),
)
