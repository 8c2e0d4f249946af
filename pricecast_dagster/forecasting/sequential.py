"""Sequential: whether one of two models does worse in service, looked at anew every day without fooling oneself.

Belongs here: the daily comparison of two models' errors and the test. Not here: whose forecasts are compared
(`operations.trials`).

Looking every day at a test made for one look finds something in the end. An e-process (Ville 1939; Shafer 2021; Waudby-Smith and
Ramdas 2024) may be looked at as often as one likes: if the first model is no worse than the second, the chance that its capital
ever reaches 1 / level is at most `level`. A day bets on the first being worse again; capital is what the bets have won.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

STAKES: Final = (0.25, 0.5, 0.9)
"""Shares of the capital that are bet each day, side by side: the small one finds small differences, the large one finds large
ones quickly."""

LEAST_DIFFERENCE: Final = 0.05
"""Relative difference of daily squared errors that is none worth a change: models that differ by less are equally good."""

LEVEL: Final = 0.02
LEAST_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the comparison of two models has come to.

    Attributes:
        capital: what betting on the first being worse has made of 1; 1 / level and more proves it.
        days: days compared on which either was off.
        worse: share of those days on which the first was worse, 0..1.
        ratio: mean squared error of the first over the second's; NaN where the second was exactly right all along.
    """

    capital: float
    days: int
    worse: float
    ratio: float

    def proves(self, level: float = LEVEL) -> bool:
        """Whether the first is worse beyond chance."""
        return self.days >= LEAST_DAYS and self.capital * level >= 1


def daily_difference(first: Values, second: Values) -> Values:
    """(d,) from -1 (the first was right, the second off) to 1, of every day on which either was off.

    Args:
        first: (d, h) errors of the first model's forecasts of each day, one from each origin, NaN where there is none.
        second: (d, h) the second's, from the same origins.
    """
    both = np.isfinite(first) & np.isfinite(second)
    one = np.where(both, first * first, 0.0).sum(axis=1)
    other = np.where(both, second * second, 0.0).sum(axis=1)
    off = one + other > 0
    return np.asarray((one[off] - other[off]) / (one[off] + other[off]))


def compare(first: Values, second: Values) -> Evidence:
    """Whether the first model does worse than the second, from their errors on the same days and origins; see
    `daily_difference`.
    """
    both = np.isfinite(first) & np.isfinite(second)
    differences = daily_difference(first, second)
    steps = 1.0 + np.array(STAKES)[:, None] * np.clip(differences - LEAST_DIFFERENCE, -1.0, 1.0)
    # Never more than can be lost on one day; the best moment counts, as the test may be stopped at any.
    capital = np.multiply.accumulate(steps, axis=1).mean(axis=0)
    one, other = (float(np.where(both, errors * errors, 0.0).sum()) for errors in (first, second))
    return Evidence(
        capital=float(capital[-1]) if len(differences) else 1.0,
        days=len(differences),
        worse=float((differences > 0).mean()) if len(differences) else 0.0,
        ratio=one / other if other > 0 else (1.0 if one == 0 else float("nan")),
    )
