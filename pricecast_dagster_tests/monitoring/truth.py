"""A retailer whose troubles are known: which products change, how, and on which day; most do not.

Belongs here: making the histories and saying what was done to them. Not here: monitoring them, and judging the monitor.

Half of the products have shelf prices (a regular price, short promotions), half are averages of a day's till (noise about a
level, a weekly pattern). A product's rows depend on the seed and its own number alone.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.panel import Panel

FIRST_DAY: Final = np.datetime64("2025-01-01", "D")
LEARNT_DAYS: Final = 360
"""Days before the first forecast is served; troubles come after, and leave four weeks to be found in."""


class Trouble(StrEnum):
    """What becomes of a product."""

    SHIFT = "level shift"
    RHYTHM = "other rhythm of promotions"
    NOISE = "more noise"
    CORRECTION = "corrected history"
    NONE = "nothing"


SHARES: Final = {Trouble.SHIFT: 20, Trouble.RHYTHM: 15, Trouble.NOISE: 15, Trouble.CORRECTION: 10}
"""Of 300 products; the others have nothing."""


@dataclass(frozen=True, eq=False)
class Truth:
    """What there was.

    Attributes:
        panel: every day as it was known on the day itself; corrected: the true prices, known once they are corrected.
        trouble: (n,) of each product; day: (n,) column on which it begins, -1 where there is none.
    """

    panel: Panel
    corrected: NDArray[np.float64]
    trouble: tuple[Trouble, ...]
    day: NDArray[np.intp]

    def known_on(self, column: int) -> Panel:
        """The histories as they stood at the end of a day; a correction counts from the day it comes."""
        late = (self.day >= 0) & (self.day <= column)
        price = np.where(late[:, None], self.corrected, self.panel.price)[:, : column + 1]
        kept = slice(0, column + 1)
        return Panel(self.panel.skus, self.panel.first_day, price, self.panel.quantity[:, kept], self.panel.observed[:, kept])

    def select(self, numbers: NDArray[np.intp]) -> "Truth":
        """Some of the products."""
        troubles = tuple(self.trouble[number] for number in numbers)
        return Truth(self.panel.select(numbers), self.corrected[numbers], troubles, self.day[numbers])

    def of(self, trouble: Trouble) -> NDArray[np.intp]:
        """Numbers of the products that have it."""
        return np.flatnonzero([own is trouble for own in self.trouble])


def make_truth(products: int = 300, days: int = 540, *, seed: int = 1) -> Truth:
    """So many products; troubles in the shares of 20, 15, 15, 10 and 240 of 300."""
    troubles = [trouble for trouble, share in SHARES.items() for _ in range(round(products * share / 300))]
    troubles += [Trouble.NONE] * (products - len(troubles))
    made = [_product(np.random.default_rng([seed, number]), number, trouble, days) for number, trouble in enumerate(troubles)]
    price, corrected = (np.array([one[position] for one in made]) for position in (0, 1))
    skus = tuple(f"P{number:04d}" for number in range(products))
    observed = np.ones(price.shape, dtype=np.bool_)
    quantity = np.array([one[2] for one in made])
    panel = Panel(skus, FIRST_DAY, price, quantity, observed)
    return Truth(panel, corrected, tuple(troubles), np.array([one[3] for one in made]))


Made = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], int]


def _product(rng: np.random.Generator, number: int, trouble: Trouble, days: int) -> Made:
    begins = int(rng.integers(LEARNT_DAYS + 20, days - 28)) if trouble is not Trouble.NONE else -1
    on_shelf = trouble is Trouble.RHYTHM or (trouble is not Trouble.NOISE and number % 2 == 0)
    level = float(np.exp(rng.normal(2.3, 0.7)))
    shift = np.ones(days)
    if trouble is Trouble.SHIFT:
        shift[begins:] = 1 + rng.choice([-1, 1]) * rng.uniform(0.15, 0.35)
    if on_shelf:
        busy_from = begins if trouble is Trouble.RHYTHM else days
        factor = _promotions(rng, days, busy_from)
    else:
        noise = rng.normal(0.0, rng.uniform(0.02, 0.06), days)
        if trouble is Trouble.NOISE:
            noise[begins:] *= 3
        weekly = rng.uniform(0.0, 0.04) * np.sin(2 * np.pi * (np.arange(days) + rng.integers(7)) / 7)
        factor = np.exp(noise + weekly)
    regular = level * _small_moves(rng, days)
    price = np.maximum(np.round(regular * shift * factor, 2), 0.01)
    known = price.copy()
    if trouble is Trouble.CORRECTION:
        # The wrong rows are the irregular ones: were it the other way, a correction would bring dips that never come again.
        wrong = np.flatnonzero(rng.random(days) < 0.3)
        wrong = wrong[(wrong >= begins - 150) & (wrong < begins)]
        known[wrong] = np.round(price[wrong] * 0.8, 2)
    quantity = rng.poisson(np.clip(20.0 * level / price, 0.0, 1000.0)).astype(np.float64)
    return known, price, quantity, begins


def _promotions(rng: np.random.Generator, days: int, busy_from: int) -> NDArray[np.float64]:
    """Two to four days at 10 to 20 % off, about every three weeks; from a day on every week, for three days."""
    depth = float(rng.choice([0.1, 0.15, 0.2]))
    factor = np.ones(days)
    day = int(rng.integers(3, 20))
    while day < days:
        busy = day >= busy_from
        length = 3 if busy else int(rng.integers(2, 5))
        factor[day : day + length] = 1 - depth
        day += length + (4 if busy else int(rng.integers(14, 26)))
        if not busy and day > busy_from:
            day = max(busy_from, day - 14)
    return factor


def _small_moves(rng: np.random.Generator, days: int) -> NDArray[np.float64]:
    """A regular price that goes up or down by 1 to 3 % about every two months."""
    moves = np.where(rng.random(days) < 1 / 60, rng.normal(0.0, 0.02, days), 0.0)
    return np.asarray(np.exp(np.cumsum(moves)))
