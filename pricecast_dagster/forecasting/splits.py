"""Splits: which days a model may learn from, and which it is judged on; it never looks ahead.

Belongs here: origins of a rolling evaluation, time-ordered folds. Not here: cutting the data at them (`Panel.until`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


def rolling_origins(last_day: np.datetime64, *, count: int, step_days: int, horizon_days: int) -> NDArray[np.datetime64]:
    """Origins of a rolling evaluation, counted back from the last day whose price is known.

    The latest origin leaves exactly the horizon after it; the others lie `step_days` apart before it.

    Returns:
        (count,) datetime64[D], in order.

    Raises:
        ValueError: a number is not positive.
    """
    for name, number in (("count", count), ("step_days", step_days), ("horizon_days", horizon_days)):
        if number < 1:
            raise ValueError(f"{name} must be 1 or more, got {number}")
    back = horizon_days + step_days * np.arange(count)[::-1]
    origins: NDArray[np.datetime64] = last_day.astype("datetime64[D]") - back
    return origins


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """Rows to learn from and later rows to be judged on.

    Attributes:
        train: (n_train,) positions of rows.
        validation: (n_validation,) positions of rows.
    """

    train: NDArray[np.intp]
    validation: NDArray[np.intp]


def time_ordered_folds(days: NDArray[np.datetime64], *, count: int = 3, gap_days: int = 0) -> tuple[Fold, ...]:
    """Folds as scikit-learn's TimeSeriesSplit makes them, of days instead of rows.

    The distinct days are cut into count + 1 blocks of equal length (the first takes what is left over); fold i learns
    from the blocks before block i + 1 and is judged on that block. Rows of one day are never torn apart.

    Args:
        days: (n_rows,) datetime64[D], the day of each row, in any order, several rows a day allowed.
        count: how many folds.
        gap_days: calendar days before a validation block that nobody learns from. A row whose target lies h days after
            its own day needs a gap of h - 1, or it would learn from a price of the validation block.

    Raises:
        ValueError: fewer distinct days than count + 1, or a gap that leaves a fold nothing to learn from.
    """
    distinct = np.unique(days)
    block_days = len(distinct) // (count + 1)
    if count < 1 or block_days < 1:
        raise ValueError(f"{count} time-ordered folds need {count + 1} distinct days, got {len(distinct)}")
    folds = []
    for start in range(len(distinct) - count * block_days, len(distinct), block_days):
        first, last = distinct[start], distinct[start + block_days - 1]
        train = np.flatnonzero(days < first - gap_days)
        if not len(train):
            raise ValueError(f"a gap of {gap_days} days leaves nothing to learn from before {first}")
        folds.append(Fold(train, np.flatnonzero((days >= first) & (days <= last))))
    return tuple(folds)
