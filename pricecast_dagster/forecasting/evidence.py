"""Evidence: the past errors from which the bands of one SKU are made.

Belongs here: which past forecasts count. Not here: making them (`validation`, `ensemble`), and the bands (`intervals`).

Noise shows itself in the weeks that the whole model rehearsed. A sticky price that moves four times a year does not: there the
days before those join them, forecast by the rules alone, which cost nothing to follow through the whole past and are
nearly as exact (Winkler scores of the bands differ by less than 1 %).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.ensemble import rules_alone
from pricecast_dagster.forecasting.past_errors import Errors, sides
from pricecast_dagster.forecasting.recipe import Kind
from pricecast_dagster.forecasting.validation import CUT_STEP_DAYS, Rehearsal, Track

_LONGEST_DAYS: Final = 730
"""Two years before the first rehearsal: each season twice, and no more than a model can carry along."""

_PIECE_DAYS: Final = 4 * CUT_STEP_DAYS
"""Rules are weighed anew after so many days of the early past."""


def evidence(track: Track, rehearsal: Rehearsal, forecasts: NDArray[np.float64], kind: Kind, spread: float) -> Errors:
    """What is known of the errors of one SKU's model, none of it by weights that knew the day.

    Args:
        track: of the rules.
        rehearsal: of the learners of this kind.
        forecasts: (k, h) of the model at the rehearsed origins, see `ensemble.held_out`.
        kind: of the price.
        spread: see `past_errors.recent_spread`.
    """
    columns, block = rehearsal.columns, rehearsal.block
    if kind is Kind.STICKY:
        counted = np.flatnonzero(track.counted.any(axis=1))
        until = int(columns[0]) if len(columns) else len(track.last)
        early = counted[(counted < until) & (counted >= until - _LONGEST_DAYS)]
        piece = -1 - (until - 1 - early) // _PIECE_DAYS
        columns = np.concatenate([early, columns])
        block = np.concatenate([piece, block])
        forecasts = np.concatenate([rules_alone(track, kind, early, piece), forecasts])
    some = track.of(columns)
    errors = np.where(some.counted, forecasts - some.actual, np.nan)
    return Errors(errors, block, sides(some.last, some.before), kind, spread)
