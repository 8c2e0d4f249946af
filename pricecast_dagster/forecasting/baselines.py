"""Simple methods: what models are measured against, what is mixed into them, and what answers where there is none.

Belongs here: forecasts that need no fitting beyond a mean, for all SKUs at once, and the ladder of fallbacks. Not here:
their bands (`intervals`), and scoring them (`metrics`).

Every method takes the origins it forecasts from, one column a SKU (`panel.last` is each SKU's own), sees nothing after
them and answers (n_skus, horizon_days) prices for the days after; a SKU that has not begun at its origin gets NaN.
Bytes do not depend on the other SKUs or on how far the panel reaches before and after: sums run day by day.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.errors import NoUsableHistoryError
from pricecast_dagster.forecasting.panel import Panel

ALPHAS: Final = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 0.9)
"""What exponential smoothing chooses from."""

SMOOTHING_HORIZON_DAYS: Final = 14
"""A smoothing constant is judged on this many days after each day, as a forecast is, not on the next day alone."""

LAST_VALUE: Final = "LastValue"
MOVING_AVERAGE: Final = "MovingAverage_7d"
SMOOTHING: Final = "MovingAverage_SES"

_MINIMUM_DAYS_AVERAGE: Final = 7
_MINIMUM_DAYS_SMOOTHING: Final = 14

Origins = NDArray[np.intp]


def last_value(panel: Panel, origins: Origins, horizon_days: int) -> NDArray[np.float64]:
    """The last known price, on every day ahead."""
    return _flat(_lag(panel.price, origins, 0), horizon_days)


def moving_average(panel: Panel, origins: Origins, horizon_days: int, *, window_days: int = 7) -> NDArray[np.float64]:
    """The mean of the last days, those carried forward included; of all days where there are fewer than the window."""
    last = _lag(panel.price, origins, 0)
    total = np.zeros_like(last)
    days = np.zeros_like(last)
    for lag in range(window_days):
        # Differences to the last price: equal prices have exactly their own mean.
        difference = _lag(panel.price, origins, lag) - last
        known = np.isfinite(difference)
        total += np.where(known, difference, 0.0)
        days += known
    return _flat(last + total / np.maximum(days, 1.0), horizon_days)


def seasonal_naive(panel: Panel, origins: Origins, horizon_days: int, *, season_days: int = 7) -> NDArray[np.float64]:
    """The price of the same day of the last known season; the last price where the history does not reach back."""
    last = _lag(panel.price, origins, 0)
    season = np.stack([_lag(panel.price, origins, season_days - 1 - day) for day in range(season_days)], axis=1)
    season = np.where(np.isfinite(season), season, last[:, None])
    return season[:, np.arange(horizon_days) % season_days]


def exponential_smoothing(panel: Panel, origins: Origins, horizon_days: int) -> NDArray[np.float64]:
    """The smoothed level, on every day ahead; its smoothing constant is the SKU's own (`smoothed_level`)."""
    return _flat(smoothed_level(panel, origins)[0], horizon_days)


def smoothed_level(
    panel: Panel, origins: Origins, alphas: Sequence[float] = ALPHAS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Simple exponential smoothing (Brown 1959), the constant chosen on the SKU's own history.

    The level starts at the first price and takes up carried-forward days too. The constant is the one with the least
    squared error over the next 14 days, those observed up to the origin, summed over all days before it. Of equals it
    is the largest: where nothing in the past says that a new price goes back, it stays.

    Args:
        panel: history.
        origins: (n_skus,) columns.
        alphas: constants to choose from, each in 0 .. 1, where 1 is the last value.

    Returns:
        The level at the origin and the chosen constant, (n_skus,) each.
    """
    columns = np.arange(panel.n_days)
    begun = columns >= panel.first[:, None]
    start = _lag(panel.price, np.minimum(panel.first, panel.n_days - 1), 0)
    # Differences to the first price, 0 before it: a price that never moved has a level of exactly that price.
    moved = np.where(begun, panel.price - start[:, None], 0.0)
    judged = panel.observed & (columns <= origins[:, None])
    best_level = np.full(panel.n_skus, np.nan)
    best_alpha = np.full(panel.n_skus, np.nan)
    # A SKU that begins after its origin must not answer with its first price: that one lies ahead.
    best_error = np.where(panel.first <= origins, np.inf, -np.inf)
    for alpha in sorted(alphas, reverse=True):
        level = _smooth(moved, alpha)
        error = _lag(_error_ahead(level, moved, judged, begun), origins, 0)
        better = error < best_error
        best_level[better] = (start + _lag(level, origins, 0))[better]
        best_alpha[better] = alpha
        best_error[better] = error[better]
    return best_level, best_alpha


SIMPLE_METHODS: Final[Mapping[str, Callable[[Panel, Origins, int], NDArray[np.float64]]]] = {
    "last value": last_value,
    "seasonal naive": seasonal_naive,
    "7-day mean": moving_average,
    "28-day mean": lambda panel, origins, horizon_days: moving_average(panel, origins, horizon_days, window_days=28),
    "SES": exponential_smoothing,
}
"""The methods a forecast is compared with, by the names reports show."""


@dataclass(frozen=True, slots=True, eq=False)
class Fallback:
    """What answers where there is no model.

    Attributes:
        price: (n_skus, horizon_days), NaN for a SKU that has no history.
        model_used: per SKU the name of the method; None where there is no history.
        errors: SKU -> why it has no answer.
    """

    price: NDArray[np.float64]
    model_used: tuple[str | None, ...]
    errors: Mapping[str, NoUsableHistoryError]


def ladder(panel: Panel, horizon_days: int) -> Fallback:
    """Forecast each SKU from its own last observed day by the best method that its history carries.

    From 14 observed days on exponential smoothing, which may choose to stay at the last price (the constant 1 is among
    its own here: there is no model beside it to say so); from 7 the mean of 7 days; under that the last price.
    """
    origins = panel.last
    days = panel.observed.sum(axis=1)
    level = smoothed_level(panel, origins, (*ALPHAS, 1.0))[0]
    smooth = days >= _MINIMUM_DAYS_SMOOTHING
    average = ~smooth & (days >= _MINIMUM_DAYS_AVERAGE)
    price = np.select(
        [smooth[:, None], average[:, None]],
        [_flat(level, horizon_days), moving_average(panel, origins, horizon_days)],
        last_value(panel, origins, horizon_days),
    )
    names = np.select([smooth, average, days > 0], [SMOOTHING, MOVING_AVERAGE, LAST_VALUE], "")
    errors = {
        sku: NoUsableHistoryError(f"SKU {sku!r} has no day with a price, so nothing can be forecast.")
        for sku, known in zip(panel.skus, days, strict=True)
        if not known
    }
    return Fallback(price, tuple(str(name) or None for name in names), errors)


def _flat(level: NDArray[np.float64], horizon_days: int) -> NDArray[np.float64]:
    return np.repeat(level[:, None], horizon_days, axis=1)


def _lag(values: NDArray[np.float64], origins: Origins, days: int) -> NDArray[np.float64]:
    """(n_skus,) the values some days before the origins; NaN before the panel's first day."""
    columns = origins - days
    inside = (columns >= 0) & (columns < values.shape[1])
    picked = np.full(len(values), np.nan)
    picked[inside] = values[inside.nonzero()[0], columns[inside]]
    return picked


def _smooth(values: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    """level[t] = level[t-1] + alpha (values[t] - level[t-1]) from 0, along the days.

    The recurrence is unrolled by doubling (Hillis and Steele 1986): after each round a level holds twice as many days,
    ten rounds for two years instead of 730 steps. scipy.signal.lfilter is as fast, and takes 0.7 s to import.
    """
    level = alpha * values
    kept = 1.0 - alpha
    days = 1
    while days < level.shape[1]:
        level[:, days:] += kept * level[:, :-days]
        kept *= kept
        days *= 2
    return level


def _error_ahead(
    level: NDArray[np.float64], values: NDArray[np.float64], judged: NDArray[np.bool_], begun: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(n_skus, n_days) squared errors of the levels on the days after them, summed up to each day."""
    errors = np.zeros_like(level)
    # Days before a SKU began would add the same to every constant, and how much would depend on where the panel begins.
    for ahead in range(1, min(SMOOTHING_HORIZON_DAYS, level.shape[1] - 1) + 1):
        error = values[:, ahead:] - level[:, :-ahead]
        errors[:, :-ahead] += np.where(judged[:, ahead:] & begun[:, :-ahead], error * error, 0.0)
    return np.add.accumulate(errors, axis=1)
