"""Noise: whether a price has come to jump about its forecasts more than it used to, with its level where it was.

Belongs here: cumulative sums of squared day-to-day errors and their limit. Not here: errors to one side (`shift`), the sums
(`cusum`), distributions (`drift`), what follows: no recipe foresees noise, so a person is told and nothing is asked for.

CUSUM of squares (Page 1954; Inclan and Tiao 1994 for its use on variances) on the change of the error from one day to the next: a
price that moves for good changes it on one day, one that has become noisy on all. Its limit is the product's own, as in `shift`.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.cusum import cumulative_sums
from pricecast_dagster.forecasting.shift import LEAST_PAST_DAYS, SCALE_FLOOR, naive_errors

Values = NDArray[np.float64]

SLACK: Final = 1.5
LEAST_LIMIT: Final = 30.0
MARGIN: Final = 1.5
CLIP: Final = 9.0
"""In variances of the product's own past. Chosen on 300 products of another seed than those of docs/monitoring.md and on real
prices, both forecast by exponential smoothing: a least limit of 20 finds noise two days sooner (6 for 8) and gives five times the
false alarms (0.8 for 0.15 per 100 quiet products and month), a slack of 2 no longer finds another rhythm of promotions."""


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """What was found; s SKUs.

    Attributes:
        severity: (s,) the largest the sum has been since it began to grow, over its limit; 1 and more is noise. NaN where
            the past is too short. Not the last sum: that of weekly promotions falls in between, and the finding would
            end every week.
        times: (s,) the typical change from day to day since the sum began to grow, over the usual one; NaN as severity.
        since: (s,) column of the errors at which it began.
    """

    severity: Values
    times: Values
    since: NDArray[np.intp]


def find_noise(errors: Values, past_prices: Values, past_observed: NDArray[np.bool_]) -> Noise:
    """Look for more noise at the end of recent errors.

    Args:
        errors: (s, d) actual less forecast of the last days, NaN where nothing is known; older ones first.
        past_prices: (s, p) the prices before them, carried forward, NaN before the first; they tell what is usual.
        past_observed: (s, p) the days on which one was observed.
    """
    usual = np.diff(np.where(past_observed, naive_errors(past_prices), np.nan), axis=1)
    known = np.isfinite(usual).sum(axis=1)
    spread = np.sqrt(np.nansum(usual * usual, axis=1) / np.maximum(known, 1))
    level = np.abs(np.nan_to_num(past_prices[:, -1] if past_prices.shape[1] else np.zeros(len(errors))))
    scale = np.maximum(spread, np.maximum(SCALE_FLOOR * level, 1e-9))[:, None]
    largest = cumulative_sums(_steps(usual / scale))[0].max(axis=1, initial=0.0)
    recent = np.diff(errors, axis=1) / scale
    sums, since = cumulative_sums(_steps(recent))
    growing = np.arange(recent.shape[1]) >= since[:, None]
    reached = np.where(growing, sums, 0.0).max(axis=1, initial=0.0)
    going_on = sums[:, -1] > 0 if sums.shape[1] else np.zeros(len(errors), dtype=np.bool_)
    severity = np.where(going_on, reached, 0.0) / np.maximum(LEAST_LIMIT, MARGIN * largest)
    counted = growing & np.isfinite(recent)
    days = counted.sum(axis=1)
    times = np.sqrt(np.where(counted, recent * recent, 0.0).sum(axis=1) / np.maximum(days, 1))
    enough = known >= LEAST_PAST_DAYS
    return Noise(np.where(enough, severity, np.nan), np.where(enough & (days > 0), times, np.nan), since + 1)


def _steps(scaled: Values) -> Values:
    """What each day adds; an unknown one adds nothing, and one that is far off no more than three times the usual does."""
    return np.asarray(np.nan_to_num(np.minimum(scaled * scaled, CLIP), nan=SLACK) - SLACK)
