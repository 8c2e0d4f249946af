"""Samples: the rows from which the members of one SKU are fitted.

Belongs here: which days are learned from, with which features, for one-step and for direct members, and cutting all of it at a
day. Not here: the features of a day (`features`), what is done with the rows (`members`).

Targets are observed days only (a price that was carried forward is not a price), from a week after the first on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.features import feature_cube
from pricecast_dagster.forecasting.origins import Origins, trailing_mean, weekday_offsets
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.recipe import Recipe
from pricecast_dagster.schemas import CALENDAR_FEATURES, FEATURE_COLUMNS

if TYPE_CHECKING:
    from pricecast_dagster.forecasting.pooled import Pooled

LEVEL_DAYS: Final = 28
_FAR_EVERY_DAYS: Final = 6
_WARM_UP_DAYS: Final = 7
_N_CALENDAR: Final = len(CALENDAR_FEATURES)
_PRICE_COLUMNS: Final = np.array(
    [
        position
        for position, name in enumerate(FEATURE_COLUMNS)
        if name.startswith(("price_lag", "price_rolling_mean", "price_rolling_min", "price_rolling_max"))
    ]
)


@dataclass(frozen=True, eq=False)
class Design:
    """All rows that one history gives; `Samples` are the first of them.

    Attributes:
        one_step_days: (r1,) target column of each one-step row, ascending; one_step: (r1, 45) its features.
        direct_days: (r2,) target column of each direct row, ascending; horizons: (r2,) days ahead of its origin.
        direct: (r2, 47) its features, see `direct_features`, before the base is taken off the prices.
        last, level: (r2,) last price, and mean of the last 28 days, at the origin of each direct row.
    """

    one_step_days: NDArray[np.intp]
    one_step: NDArray[np.float64]
    direct_days: NDArray[np.intp]
    horizons: NDArray[np.intp]
    direct: NDArray[np.float64]
    last: NDArray[np.float64]
    level: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Samples:
    """What one SKU can be learned from, up to a day.

    Attributes:
        history: the panel of this SKU alone.
        until: the last column that may be looked at.
        design: the rows of the whole history.
        pooled: what all products together have taught; None without it.
    """

    history: Panel
    until: int
    design: Design
    pooled: "Pooled | None" = None

    def cut(self, until: int) -> "Samples":
        """What was to be had at the end of an earlier day."""
        return replace(self, until=until)

    @cached_property
    def known(self) -> NDArray[np.float64]:
        """Observed prices up to the cut, in order of days."""
        return self.history.price[0, : self.until + 1][self.history.observed[0, : self.until + 1]]

    @cached_property
    def spread(self) -> float:
        """Standard deviation of the observed prices; 0 for a price that never moved."""
        return float(np.std(self.known)) if np.ptp(self.known) > 0 else 0.0

    def one_step(self, features: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(r, 45) features and (r,) prices of the days that are learned from one step ahead; others than `features` are 0."""
        rows = int(np.searchsorted(self.design.one_step_days, self.until, side="right"))
        shown = self.design.one_step[:rows].copy()
        shown[:, _hidden(features)] = 0.0
        return shown, self.history.price[0, self.design.one_step_days[:rows]]

    def direct(self, base: NDArray[np.float64], features: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(r, 47) features and (r,) differences of price to base, of the days and horizons that are learned from.

        Args:
            base: `design.last` or `design.level`; prices among the features count from it.
            features: columns of schemas.FEATURE_COLUMNS; the others are 0, which no tree can split on.
        """
        rows = int(np.searchsorted(self.design.direct_days, self.until, side="right"))
        shown = subtract_base(self.design.direct[:rows], base[:rows])
        shown[:, _hidden(features)] = 0.0
        return shown, self.history.price[0, self.design.direct_days[:rows]] - base[:rows]


def build_samples(history: Panel, calendar: HolidayCalendar, recipe: Recipe, pooled: "Pooled | None" = None) -> Samples:
    """Lay out everything one SKU can be learned from.

    Args:
        history: the panel of this SKU alone, with at least one observed day.
        calendar: says which days are special.
        recipe: its horizons are those of the direct rows.
        pooled: what all products together have taught, where the recipe asks for it.
    """
    cube = feature_cube(history, calendar)[0]
    first = int(history.first[0])
    targets = np.flatnonzero(history.observed[0])
    targets = targets[targets >= first + _WARM_UP_DAYS]
    days, horizons = _direct_rows(targets, first, recipe)
    origin = days - horizons
    columns = np.arange(history.n_days)
    lags = Origins(history, np.zeros_like(columns), columns, calendar).price_lags
    weekday = weekday_offsets(int(horizons.max(initial=1)))[horizons - 1]
    design = Design(
        one_step_days=targets,
        one_step=cube[targets],
        direct_days=days,
        horizons=horizons,
        direct=direct_features(cube[origin + 1], cube[days, :_N_CALENDAR], horizons, lags[weekday, origin]),
        last=lags[0, origin],
        level=trailing_mean(lags, LEVEL_DAYS)[origin],
    )
    return Samples(history, history.n_days - 1, design, pooled)


def _direct_rows(targets: NDArray[np.intp], first: int, recipe: Recipe) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Target columns and horizons of the direct rows, by target, then by horizon."""
    horizons = np.array((*recipe.training_horizons, *recipe.far_horizons))
    days, ahead = (grid.ravel() for grid in np.meshgrid(targets, horizons, indexing="ij"))
    # Long horizons repeat the same days under other origins: every sixth day of them costs a sixth and says the same.
    taken = (ahead <= recipe.training_horizons[-1]) | ((days - first) % _FAR_EVERY_DAYS == 0)
    taken &= days - ahead >= first
    return days[taken], ahead[taken]


def _hidden(features: Sequence[str]) -> list[int]:
    return [column for column, name in enumerate(FEATURE_COLUMNS) if name not in features]


def direct_features(
    rows: NDArray[np.float64],
    calendar_rows: NDArray[np.float64],
    horizons: NDArray[np.intp],
    weekday_price: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The features of a direct forecast: the state at the origin, the calendar of the target day.

    Args:
        rows: (r, 45) features of the day after the origin.
        calendar_rows: (r, 11) calendar features of the target day.
        horizons: (r,) days ahead.
        weekday_price: (r,) the latest known price of the target's weekday.

    Returns:
        (r, 47): the 45 with the target's calendar, then the days ahead, then the weekday's price.
    """
    return np.concatenate(
        [calendar_rows, rows[:, _N_CALENDAR:], horizons[:, None].astype(np.float64), weekday_price[:, None]], axis=1
    )


def subtract_base(features: NDArray[np.float64], base: NDArray[np.float64]) -> NDArray[np.float64]:
    """Direct features with every price counted from the row's base (r,), so that a level shift moves no tree."""
    shifted = features.copy()
    shifted[:, _PRICE_COLUMNS] -= base[:, None]
    shifted[:, -1] -= base
    return shifted
