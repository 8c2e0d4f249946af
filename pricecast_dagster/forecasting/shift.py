"""Shift: whether a price has moved for good, read off the errors of the forecasts that were served.

Belongs here: errors to one side and their limits. Not here: the errors (`served.daily_errors`), the sums (`cusum`), errors that
grow to both sides (`noise`), distributions (`drift`), what follows (`policy`).

CUSUM (Page 1954) on both sides. Textbook limits hold for independent normal errors; prices have promotions. So each product has
limits of its own, for each side: the largest sum that its own past would have given, with a margin. What the product always did
is no alarm, a promotion that does not end is one.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.cusum import cumulative_sums

Values = NDArray[np.float64]

ORIGINS_A_DAY: Final = 14
"""How many forecasts a day has: one from each of the days before it."""

SLACK: Final = 1.0
LEAST_LIMIT: Final = 8.0
MARGIN: Final = 1.5
CLIP: Final = 5.0
"""In standard deviations of the product's own past; found on the simulation of docs/monitoring.md."""

LEAST_PAST_DAYS: Final = 60
SCALE_FLOOR: Final = 0.01
"""Share of the price: errors of a price that hardly moves are measured in hundredths of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Shifts:
    """What was found; s SKUs.

    Attributes:
        severity: (s,) the largest sum over its limit, of either side; 1 and more is a shift. NaN where the past is too short.
        upwards: (s,) whether the price is higher than forecast.
        since: (s,) column of the errors at which that sum began to grow.
    """

    severity: Values
    upwards: NDArray[np.bool_]
    since: NDArray[np.intp]


def find_shifts(errors: Values, past_prices: Values, past_observed: NDArray[np.bool_]) -> Shifts:
    """Look for a shift at the end of recent errors.

    Args:
        errors: (s, d) actual less forecast of the last days, NaN where nothing is known; older ones first.
        past_prices: (s, p) the prices before them, carried forward, NaN before the first; they tell what is usual.
        past_observed: (s, p) the days on which one was observed.
    """
    usual = naive_errors(past_prices)
    usual = np.where(past_observed, usual, np.nan)
    known = np.isfinite(usual).sum(axis=1)
    spread = np.sqrt(np.nansum(usual * usual, axis=1) / np.maximum(known, 1))
    level = np.abs(np.nan_to_num(past_prices[:, -1] if past_prices.shape[1] else np.zeros(len(errors))))
    scale = np.maximum(spread, np.maximum(SCALE_FLOOR * level, 1e-9))[:, None]
    severities, starts = [], []
    for side in (1.0, -1.0):
        limit = np.maximum(LEAST_LIMIT, MARGIN * _sums(side * usual / scale)[0].max(axis=1, initial=0.0))
        sums, began = _sums(side * errors / scale)
        severities.append((sums[:, -1] if sums.shape[1] else np.zeros(len(errors))) / limit)
        starts.append(began)
    up, down = severities
    severity = np.where(known >= LEAST_PAST_DAYS, np.maximum(up, down), np.nan)
    return Shifts(severity, up >= down, np.where(up >= down, *starts))


def naive_errors(prices: Values) -> Values:
    """(s, p) each price less the mean of the fourteen before it: a day's error, had the last value been forecast all along.

    Args:
        prices: (s, p) carried forward, NaN before the first.
    """
    if prices.shape[1] <= ORIGINS_A_DAY:
        return np.full(prices.shape, np.nan)
    errors = np.full(prices.shape, np.nan)
    total = np.zeros((len(prices), prices.shape[1] - ORIGINS_A_DAY))
    now = prices[:, ORIGINS_A_DAY:]
    for back in range(1, ORIGINS_A_DAY + 1):
        total += now - prices[:, ORIGINS_A_DAY - back : prices.shape[1] - back]
    errors[:, ORIGINS_A_DAY:] = total / ORIGINS_A_DAY
    return errors


def _sums(scaled: Values) -> tuple[Values, NDArray[np.intp]]:
    """(s, d) cumulative sums that never fall below 0, and (s,) the column where the last one began; unknown days count
    nothing.
    """
    return cumulative_sums(np.clip(np.nan_to_num(scaled, nan=SLACK), -CLIP, CLIP) - SLACK)
