"""Decay: sums that forget, and what a day counts for in them.

Belongs here: the two, shared by levels (`smoothing`) and by breaks of a level (`breaks`). Not here: what is summed.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.panel import Panel

_SAY: Final = 0.35
"""A day counts by the logarithm of what was sold to this power."""


def say(panel: Panel) -> NDArray[np.float64]:
    """(n_skus, n_days) what each day counts for: nothing without a record, 1 where nothing was sold, more the more was."""
    sold = np.where(panel.observed, np.maximum(panel.quantity, 0.0), 0.0)
    return np.where(panel.observed, np.log(math.e + sold) ** _SAY, 0.0)


def decayed(values: NDArray[np.float64], kept: NDArray[np.float64] | float, stride: int) -> NDArray[np.float64]:
    """Sum over i of kept^(i * stride) values[t - i * stride], along the last axis.

    The recurrence is unrolled by doubling (Hillis and Steele 1986): nine rounds for a year instead of 365 steps. A sum depends on
    offsets alone, so its bytes are the same wherever the panel begins.
    """
    total: NDArray[np.float64] = values * np.ones_like(kept)
    factor, days = kept**stride, stride
    while days < total.shape[-1]:
        # The right side is read whole before anything is written.
        total[..., days:] += factor * total[..., :-days]
        factor, days = factor * factor, 2 * days
    return total
