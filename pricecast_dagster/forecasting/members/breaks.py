"""Breaks: whether a noisy price has left its level for good, and where it has been since.

Belongs here: the chance of a break and the level after it. Not here: the levels that a break ends (`smoothing`), and telling a
person of it (`shift`).

A level that remembers a month needs weeks to follow a price that was raised for good, and levels that forget faster are worse
on all other days. So the last days are held against the level before them, as a change point is looked for (Page 1954; Adams and
MacKay 2007): for some lengths of time, the sum of the days' deviations over what is usual, each cut off at a few deviations, for
days of tills have heavy tails and one sale in bulk is no new level.

Only a level that days had been nearer to than to the day before can be left. A shelf price is where it is, and how long it stays
there is another question (`chances`); wholesale produce wanders. Without this, shelf prices lost 3 % to promotions that end.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.members.decay import decayed, say
from pricecast_dagster.forecasting.panel import Panel

LENGTHS: Final = (5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 18, 21, 24, 28)
"""Days since a break that are tried."""

_LEAST_DAYS_BEFORE: Final = 29

_CUT_OFF: Final = 2.5
"""No day deviates by more than so many usual deviations."""

LEVEL_MEMORY: Final = 30.0
"""Days after which an observation counts 1/e in the level that is held against; in what is usual it is longer."""
_USUAL_MEMORY: Final = 70.0

_LEAST_SHARE: Final = 0.003
"""Usual is at least this share of the level: a price that hardly moved has not left it for a cent."""

_HOLDS: Final = 0.9
"""A level holds while days are at most so far from it as from the day before; of noise about a level it is the root of 0.5."""

_LIMIT: Final = 8.0
"""Half of the squared deviation of a sum, over `_DEPENDENCE`, at which a break is as likely as none: days that follow one another
deviate together."""
_DEPENDENCE: Final = 1.5

_LEAST_CHANCE: Final = 0.01
"""Less is none: what has not moved keeps its level to the last bit."""


def broken(
    panel: Panel, level: NDArray[np.float64], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The chance that the level has broken off, at n days, and the level since.

    Args:
        panel: the history.
        level: (n_skus, n_days) the level of LEVEL_MEMORY at the end of each day.
        rows: (n,) the SKU of each day that is asked for, as a row of the panel.
        columns: (n,) the day.

    Returns:
        (n,) chances, 0 where there is none to speak of, and (n,) price units: the mean since the likeliest break.
    """
    spread, change, before = _usual(panel, level)
    days = np.maximum(columns[:, None] - np.arange(LENGTHS[-1]), 0)
    at = (rows[:, None], days)
    price, seen = panel.price[at], panel.observed[at]
    counts = np.where(seen, say(panel)[at], 0.0)
    best, since = np.zeros(len(rows)), panel.price[rows, columns]
    for length in LENGTHS:
        start = columns - length
        then = (rows, np.maximum(start, 0))
        deviations = (price[:, :length] - level[then][:, None]) / spread[then][:, None]
        total = _sum(np.where(seen[:, :length], np.clip(deviations, -_CUT_OFF, _CUT_OFF), 0.0))
        known = _sum(seen[:, :length].astype(np.float64))
        level_holds = (start >= panel.first[rows] + _LEAST_DAYS_BEFORE) & (spread[then] < _HOLDS * change[then])
        squared = np.where(level_holds, total**2 / np.maximum(known * (1 + known / before[then]), 1.0), 0.0)
        weight = _sum(counts[:, :length])
        mean = _sum(np.where(seen[:, :length], counts[:, :length] * price[:, :length], 0.0)) / np.maximum(weight, 1.0)
        since = np.where(squared > best, mean, since)
        best = np.maximum(best, squared)
    chance = 1.0 / (1.0 + np.exp(_LIMIT - best / (2 * _DEPENDENCE)))
    return np.where(chance < _LEAST_CHANCE, 0.0, chance), since


def _usual(panel: Panel, level: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """(n_skus, n_days) each: how far a day usually is from the level before it, how far from the day before, how many days the
    level knows.
    """
    observed = panel.observed.astype(np.float64)
    known_before = panel.observed[:, 1:] & (np.arange(1, panel.n_days) > panel.first[:, None])
    kept = np.exp(-1.0 / _USUAL_MEMORY)
    count = np.maximum(decayed(observed, kept, 1), 1e-300)

    def usual(before: NDArray[np.float64]) -> NDArray[np.float64]:
        miss = np.zeros_like(level)
        miss[:, 1:] = np.where(known_before, panel.price[:, 1:] - before[:, :-1], 0.0)
        return np.asarray(np.sqrt(decayed(miss * miss, kept, 1) / count))

    spread = np.maximum(usual(level), np.maximum(_LEAST_SHARE * level, np.finfo(float).tiny))
    before = decayed(observed, np.exp(-1.0 / LEVEL_MEMORY), 1)
    return spread, usual(panel.price), np.maximum(before, 1.0)


def _sum(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) sums of rows, one after the other: numpy's own may round by the batch's size."""
    return np.add.accumulate(values, axis=1)[:, -1]
