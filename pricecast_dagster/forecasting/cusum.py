"""Cumulative sums: how long and how far something has been off to one side, up to now.

Belongs here: the recursion. Not here: what is summed, and which sum is too large (`shift`, `noise`).
"""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def cumulative_sums(steps: Values) -> tuple[Values, NDArray[np.intp]]:
    """Sums that never fall below 0 (Page 1954).

    Args:
        steps: (s, d) what each day adds, finite; less than 0 where nothing is wrong.

    Returns:
        (s, d) the sums, and (s,) the column at which the last one began to grow.
    """
    sums = np.zeros(steps.shape)
    began = np.zeros(len(steps), dtype=np.intp)
    running = np.zeros(len(steps))
    for day in range(steps.shape[1]):  # a recursion over days
        began = np.where(running <= 0, day, began)
        running = np.maximum(running + steps[:, day], 0.0)
        sums[:, day] = running
    return sums, began
