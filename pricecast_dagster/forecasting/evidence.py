"""Evidence: the past errors from which the bands of one SKU are made.

Belongs here: which past forecasts count. Not here: making them (`validation`, `ensemble`), and the bands (`intervals`).

How large the errors of noise are shows itself in the weeks that the whole model rehearsed, and how its tails are in all that came
before (`earlier`). A sticky price that moves four times a year shows nothing in six fortnights: there the days before join them,
forecast by the rules alone, which are nearly as exact (Winkler scores of the bands differ by less than 1 %).

A sticky price that has doubled since moves by more than it did, though not by twice as much: promotions are shares of a price,
its cents are not. So the errors of a long past are told in prices of now, by how much the regular price has moved. For it stands
the highest price of eight weeks, which a promotion does not touch. On generated prices that rise or wander, Winkler scores are 2
to 12 % smaller than with past errors as they were; where prices only come and go, 0 to 2 % greater (docs/accuracy.md has both).

Beyond the fortnight a sticky price is forecast about as at its end, so what was said for that is held against the weeks after.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.earlier import earlier_scores
from pricecast_dagster.forecasting.hindsight import Hindsight
from pricecast_dagster.forecasting.past_errors import LATER_DAYS, LATER_ORIGIN_STEP, Errors, sides
from pricecast_dagster.forecasting.recipe import Kind
from pricecast_dagster.forecasting.validation import Track

_REGULAR_DAYS: Final = 56
_GROWTH_WITH_PRICE: Final = 0.5
"""Errors grow as the regular price to this power. With 0.7, generated prices that wander or rise are covered by another 0 to 3
points at 80 %, with Winkler scores 1 to 4 % smaller; on shelves nothing is gained, and on one of two seeds 95 % bands get wider
than those of the last value."""


def evidence(track: Track, past: Hindsight, kind: Kind, spread: float) -> tuple[Errors, Errors]:
    """What is known of the errors of one SKU's model, none of it by weights that knew the day.

    Args:
        track: of the rules.
        past: forecasts of the model, see `hindsight`.
        kind: of the price.
        spread: see `past_errors.recent_spread`.

    Returns:
        The errors of the first fortnight, and those of LATER_DAYS: what would have been forecast for the end of the fortnight,
        less what came then. The latter of sticky prices alone; noise hardly grows.
    """
    columns, block, forecasts = past.columns, past.block, past.forecasts
    some = track.of(columns)
    errors = np.where(some.counted, forecasts - some.actual, np.nan)
    side = sides(some.last, some.before)
    if kind is Kind.NOISY:
        early = len(columns) - past.rehearsed
        earlier = earlier_scores(track, columns[:early], errors[:early])
        none = np.zeros(0, dtype=np.intp)
        return (
            Errors(errors[early:], block[early:], side[early:], kind, spread, earlier),
            Errors(np.zeros((0, len(LATER_DAYS))), none, none, kind, spread),
        )
    every = slice((len(columns) - 1) % LATER_ORIGIN_STEP, None, LATER_ORIGIN_STEP)
    later = forecasts[every, -1:] - _what_came(track, columns[every])
    now = _in_prices_of_now(track.last)[columns][:, None]
    errors, later = errors * now, later * now[every]
    return Errors(errors, block, side, kind, spread), Errors(later, block[every], side[every], kind, spread)


def _what_came(track: Track, columns: NDArray[np.intp]) -> NDArray[np.float64]:
    """(k, f) prices LATER_DAYS after some columns (k,); NaN where none is known."""
    ahead = columns[:, None] + LATER_DAYS
    inside = ahead < len(track.last)
    ahead = np.minimum(ahead, len(track.last) - 1)
    return np.where(inside & track.counted[ahead - 1, 0], track.last[ahead], np.nan)


def _in_prices_of_now(prices: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) what an error that was made on each day would be on the last one; NaN before the first price."""
    padded = np.concatenate([np.full(_REGULAR_DAYS - 1, -np.inf), np.nan_to_num(prices, nan=-np.inf)])
    regular = np.lib.stride_tricks.sliding_window_view(padded, _REGULAR_DAYS).max(axis=1)
    return np.asarray((regular[-1] / np.where(regular > 0, regular, np.nan)) ** _GROWTH_WITH_PRICE)
