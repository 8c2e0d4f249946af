"""Validation: what a SKU's members would have forecast at past origins, fitted only on what came before.

Belongs here: choosing the past days at which members are fitted again, and their multi-step forecasts from there. Not here: what
is concluded from them: weights (`ensemble`), bands (`intervals`), scores (`scores`), promotion (`promotion`).

One fit serves every origin of the fortnight after it, as a model in use does between two retrainings: 42 origins cost three fits.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.members.roster import MEMBERS
from pricecast_dagster.forecasting.origins import Origins
from pricecast_dagster.forecasting.recipe import Recipe
from pricecast_dagster.forecasting.samples import Samples

VALIDATED_DAYS: Final = 14
"""Days ahead that validation looks at: the horizon that is stored by default."""

CUT_STEP_DAYS: Final = 14
MOST_CUTS: Final = 3
DAYS_BEFORE_A_CUT: Final = 45
"""A member that has seen fewer days says nothing about the one that will answer."""


@dataclass(frozen=True, eq=False)
class Validation:
    """Past forecasts of one SKU and what happened; k origins, m members, h days ahead.

    Attributes:
        columns: (k,) origins, ascending, as columns of the history.
        block: (k,) which fit stands behind each origin, ascending from 0.
        forecasts: (k, m, h) prices, each kept within the range of the 30 days before its origin.
        last: (k,) the last price at each origin.
        actual: (k, h) what happened, carried forward; NaN beyond the history.
        observed: (k, h) whether there was a price on that day.
    """

    columns: NDArray[np.intp]
    block: NDArray[np.intp]
    forecasts: NDArray[np.float64]
    last: NDArray[np.float64]
    actual: NDArray[np.float64]
    observed: NDArray[np.bool_]

    def of(self, chosen: NDArray[np.bool_]) -> "Validation":
        """The past forecasts from some of the origins."""
        return Validation(
            self.columns[chosen],
            self.block[chosen],
            self.forecasts[chosen],
            self.last[chosen],
            self.actual[chosen],
            self.observed[chosen],
        )


def cuts_of(samples: Samples) -> tuple[int, ...]:
    """The days, as columns, at the end of which members are fitted again; ascending, none for a short history."""
    end = min(samples.until, int(samples.history.last[0]))
    first = int(samples.history.first[0])
    cuts = (end - CUT_STEP_DAYS * back for back in range(1, MOST_CUTS + 1))
    return tuple(sorted(cut for cut in cuts if cut - first + 1 >= DAYS_BEFORE_A_CUT))


def validate(samples: Samples, calendar: HolidayCalendar, recipe: Recipe, seed: int) -> Validation:
    """Fit the recipe's members at past cuts and forecast from every day until the next cut.

    Raises:
        TrainingError: a member cannot be fitted.
    """
    cuts = cuts_of(samples)
    end = min(samples.until, int(samples.history.last[0]))
    columns = np.arange(cuts[0], end) if cuts else np.zeros(0, dtype=np.intp)
    which = np.searchsorted(np.array(cuts), columns, side="right") - 1
    origins = Origins(samples.history, np.zeros_like(columns), columns, calendar)
    forecasts = np.empty((len(columns), len(recipe.members), VALIDATED_DAYS))
    if cuts:
        for position, name in enumerate(recipe.members):
            fitted = [MEMBERS[name].fit(samples.cut(cut), recipe, seed) for cut in cuts]
            forecasts[:, position] = MEMBERS[name].forecast(fitted, which, origins, VALIDATED_DAYS)
        forecasts = within_recent_range(forecasts, origins)
    ahead = columns[:, None] + 1 + np.arange(VALIDATED_DAYS)
    inside = ahead <= end
    ahead = np.minimum(ahead, end)
    return Validation(
        columns,
        which,
        forecasts,
        samples.history.price[0, columns],
        np.where(inside, samples.history.price[0, ahead], np.nan),
        inside & samples.history.observed[0, ahead],
    )


def within_recent_range(forecasts: NDArray[np.float64], origins: Origins) -> NDArray[np.float64]:
    """Forecasts (n, m, h) kept within the range of the 30 days before their origins (n).

    A level that was never seen lately is a tree's memory of another time: a coffee at 38.65 for 39 days was forecast at 34.70.
    """
    lowest, highest = origins.recent_range
    return np.clip(forecasts, lowest[:, None, None], highest[:, None, None])
