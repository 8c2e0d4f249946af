"""Shortest: the narrowest band around a sticky price that holds as much of the SKU's own past as it promises.

Belongs here: how far down and up the bands of a price reach that stays until it is changed. Not here: the errors they are made of
(`past_errors`), bands of noisy prices (`intervals`).

What is left of a sticky price's error is one-sided and lumpy: from a promotion the way is up, from the regular price down, and on
most days it is exactly nothing. So the lower and the upper end are found together, as the shortest interval that holds the
forecast and enough of the signed past errors of that day ahead (the sample's highest-density region, Hyndman 1996; for
conformal prediction Izbicki et al. 2022), each day ahead of its own: a price that is exact on nine of ten next days needs no
80 % band there, and one a fortnight later. Errors of the other side (`past_errors.sides`) count for less.

The errors are those of the whole past, not of the weeks that learners were rehearsed on: a price that moves four times a
year has no 95 % quantile in six fortnights. Measured on eight sticky kinds (two thirds of the products, four origins), 80 and
95 % bands: width 1.14 and 1.12 of the last value's own conformal bands before (geometric mean without boards), 0.86 and 0.91
now; Winkler score 0.95 and 1.10 before, 0.87 and 0.95 now; coverage as the last value's.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.interval_prior import PRIOR_SCORES
from pricecast_dagster.forecasting.past_errors import LATER_ORIGIN_STEP, Errors, scale
from pricecast_dagster.schemas import LEVELS

_NEIGHBOURS: Final = 1
"""A day ahead shares its errors with the next day on either side."""

_OTHER_SIDE: Final = 0.4
"""What an error counts for that was made while the price stood on the other side: 0.1 leaves promotions too few to tell a tail,
1 costs 3 % of the Winkler score."""

_TO_COME: Final = 3.0
"""Days that are added to those known, as the day to come is in conformal prediction: a past day's errors follow one another, and
the shortest of many intervals is short by luck. With 1 the 95 % bands of shelf prices cover 1 to 3 points less."""

PRIOR_WEIGHT: Final = 20.0
"""What other products' scores count for, in days. With a year of own past they hardly matter, with a month they are the tail."""

LATER_PRIOR_WEIGHT: Final = PRIOR_WEIGHT / LATER_ORIGIN_STEP
"""The same where only every so many days have an error."""

_ROUNDING: Final = 1e-9
"""A price goes back to the cent; the sum of forecast and reach must not miss it by the last bit."""


def shortest_reaches(past: Errors, prior_weight: float = PRIOR_WEIGHT) -> NDArray[np.float64]:
    """How far the bands of one SKU reach down and up from the forecast.

    Args:
        past: signed errors of past forecasts, of any number of origins; without any the prior alone decides.
        prior_weight: what the prior counts for, in errors a day ahead.

    Returns:
        (sides, levels, 2, h) price units, not negative, never less for a higher level.
    """
    n_ahead = past.errors.shape[1]
    day_scale = scale(past, past.weight)
    scores = np.array(PRIOR_SCORES[past.kind])
    found = np.empty((2, len(LEVELS), 2, n_ahead))
    for ahead in range(n_ahead):
        near = slice(max(0, ahead - _NEIGHBOURS), ahead + _NEIGHBOURS + 1)
        moves = -past.errors[:, near]
        known = ~np.isnan(moves)
        others = np.minimum(scores * day_scale[ahead], past.worst)
        values = np.concatenate([moves[known], others, -others])
        order = np.argsort(values, kind="stable")
        rows = np.broadcast_to(np.arange(len(moves))[:, None], moves.shape)[known]
        for side in range(2):
            one = np.where(past.side == side, 1.0, _OTHER_SIDE) / moves.shape[1]
            weights = np.concatenate([one[rows], np.full(2 * len(others), prior_weight / (2 * len(others)))])
            for position, level in enumerate(LEVELS):
                found[side, position, :, ahead] = _shortest(values[order], weights[order], level / 100)
    return np.maximum.accumulate(found, axis=1) * (1 + _ROUNDING)


def _shortest(values: NDArray[np.float64], weights: NDArray[np.float64], level: float) -> tuple[float, float]:
    """How far down and up from 0 the shortest interval reaches that holds 0 and the share of ascending values (n,)."""
    reached = np.cumsum(weights)
    need = level * (reached[-1] + _TO_COME)
    if need >= reached[-1]:
        return max(0.0, -float(values[0])), max(0.0, float(values[-1]))
    last = np.searchsorted(reached, reached - weights + need - _ROUNDING)
    first = np.flatnonzero(last < len(values))
    down, up = np.maximum(-values[first], 0.0), np.maximum(values[last[first]], 0.0)
    best = int(np.argmin(down + up))
    return float(down[best]), float(up[best])
