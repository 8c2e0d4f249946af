"""The comeback member: a changed price may go back to exactly where it was.

Belongs here: the price expected where it does. Not here: how likely that is (`chances`). On Brazilian shelf prices 39 % of
changes lead back to the cent, after 3 days in the median; a promotion ends.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.chances import chances_at, chances_of_days
from pricecast_dagster.forecasting.members.protocol import Fitted
from pricecast_dagster.forecasting.origins import Origins
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.recipe import COMEBACK, Recipe
from pricecast_dagster.forecasting.samples import Samples
from pricecast_dagster.forecasting.standing import prices_before


class Comeback:
    """The comeback member."""

    name = COMEBACK
    minimum_days = 1
    cost_milliseconds = 1.0

    def fit(self, samples: Samples, recipe: Recipe, seed: int) -> Fitted:
        """Nothing: the chances are counted where they are needed."""
        return Fitted()

    def track(self, history: Panel, horizon_days: int) -> NDArray[np.float64]:
        """What it would have forecast from every day of one SKU, each knowing nothing later; (n_days, horizon_days)."""
        back = chances_of_days(history, horizon_days).back
        return _expected(history.price[0], prices_before(history)[0], back)

    def forecast(
        self, fitted: Sequence[Fitted], which: NDArray[np.intp], origins: Origins, horizon_days: int
    ) -> NDArray[np.float64]:
        """The price expected when it goes back with the chance of its age."""
        before = prices_before(origins.panel)[origins.rows, origins.columns]
        return _expected(origins.last, before, chances_at(origins, horizon_days).back)


def _expected(last: NDArray[np.float64], before: NDArray[np.float64], back: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(last[:, None] + back * (before - last)[:, None])
