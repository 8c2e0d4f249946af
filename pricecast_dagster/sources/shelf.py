"""Shelf prices of the synthetic retailer: sticky, with promotions that end where they began.

Belongs here: how a price moves from day to day. Not here: what is sold at it (`demand`).

Made after the aggregates of real shelf prices in Brazil: a price changes on 6 % of days (by product: none to 43 %), four
changes in ten go back exactly to the price before, most fall on Monday, Tuesday, Friday and Saturday, and prices end in
.98, .99 or .90.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

Amounts = NDArray[np.float64]

MEDIAN_CHANGE_RATE: Final = 0.045
NEVER_CHANGES: Final = 0.12
"""Share of products whose price stays for ever."""
LARGEST_CHANGE_RATE: Final = 0.43
WEEKDAY_WEIGHTS: Final = np.array([1.5, 1.3, 0.7, 0.4, 1.6, 1.2, 0.3])
"""How ready the shop is to change a price, Monday to Sunday; 1 on average."""
ENDINGS: Final = (0.98, 0.99, 0.90)
ENDING_SHARES: Final = (0.55, 0.25, 0.20)
PROMOTION_DAYS: Final = 4.0
"""Mean length of a promotion."""
_PROMOTIONS: Final = 0.33
"""Promotions begun, for one change of price; as many end, and the rest are changes of the regular price."""


@dataclass(frozen=True, slots=True, eq=False)
class ShelfHabits:
    """How each product is priced; (n_products,) each.

    Attributes:
        base: the target of the regular price on the first day, in R$.
        change_rate: share of days on which the price changes.
        drift: trend of the target, per year, of its logarithm.
        season: amplitude of the target's year, of its logarithm; phase: its high day, in parts of a year.
        ending: the last two digits of regular prices, in R$.
        depth: mean discount of a promotion.
    """

    base: Amounts
    change_rate: Amounts
    drift: Amounts
    season: Amounts
    phase: Amounts
    ending: Amounts
    depth: Amounts


@dataclass(frozen=True, slots=True, eq=False)
class Shelf:
    """How prices stand at the end of a day; (n_products,) each.

    Attributes:
        regular: the price outside promotions; current: the price, both in R$.
        on_promotion: whether it is one.
        market: what the market adds to the target, of its logarithm.
    """

    regular: Amounts
    current: Amounts
    on_promotion: NDArray[np.bool_]
    market: Amounts


def draw_habits(cheapest: Amounts, dearest: Amounts, generator: np.random.Generator) -> ShelfHabits:
    """Habits of products whose regular prices lie between two bounds, (n_products,) in R$."""
    n = len(cheapest)
    rate = np.minimum(MEDIAN_CHANGE_RATE * np.exp(generator.normal(0.0, 1.0, n)), LARGEST_CHANGE_RATE)
    return ShelfHabits(
        base=np.exp(generator.uniform(np.log(cheapest), np.log(dearest))),
        change_rate=np.where(generator.random(n) < NEVER_CHANGES, 0.0, rate),
        drift=generator.normal(0.05, 0.06, n),
        season=generator.uniform(0.0, 0.06, n),
        phase=generator.random(n),
        ending=generator.choice(ENDINGS, n, p=ENDING_SHARES),
        depth=generator.uniform(0.08, 0.28, n),
    )


def shelf_prices(
    habits: ShelfHabits, days: NDArray[np.datetime64], eagerness: Amounts, generator: np.random.Generator
) -> Amounts:
    """The price of every product and day.

    Args:
        habits: of each product.
        days: (n_days,) datetime64[D].
        eagerness: (n_products, n_days) how many times readier for a promotion than on an ordinary day.
        generator: drawn from day by day, so that a longer span begins the same.

    Returns:
        (n_products, n_days) in R$, to the cent.
    """
    n, n_days = eagerness.shape
    begun = _year(days[0])
    regular = to_ending(habits.base, habits.ending)
    shelf = Shelf(regular, regular, np.zeros(n, dtype=np.bool_), np.zeros(n))
    prices = np.empty((n_days, n))
    for day in range(n_days):  # what a price does depends on where it was: no way around the days, but all products at once
        after = next_day(habits, shelf, days[day], begun, eagerness[:, day], generator)
        shelf = after if day else replace(shelf, market=after.market)
        prices[day] = shelf.current
    return prices.T


def next_day(
    habits: ShelfHabits,
    shelf: Shelf,
    day: np.datetime64,
    begun: float,
    eagerness: Amounts,
    generator: np.random.Generator,
) -> Shelf:
    """How prices stand a day later.

    Args:
        habits: of each product.
        shelf: how they stood the evening before.
        day: the day that comes, datetime64[D].
        begun: when the history begins, in years since 1970: the trend counts from there.
        eagerness: (n_products,) of the day, see `shelf_prices`.
        generator: drawn from.
    """
    n = len(habits.base)
    chance, kind, noise = generator.random(n), generator.random(n), generator.normal(size=(3, n))
    ready = WEEKDAY_WEIGHTS[(int(day.astype(np.int64)) + 3) % 7]
    market = 0.98 * shelf.market + 0.008 * noise[2]
    begin, change = _hazards(habits)
    ends = shelf.on_promotion & (chance < min(ready / PROMOTION_DAYS, 1.0))
    starts = ~shelf.on_promotion & (chance < begin * ready * eagerness)
    moves = ~shelf.on_promotion & ~starts & (kind < change * ready)
    season = habits.season * np.cos(2 * np.pi * (_year(day) - habits.phase))
    target = habits.base * np.exp(habits.drift * (_year(day) - begun) + season + market + 0.05 * noise[0])
    regular = np.where(moves, to_ending(target, habits.ending), shelf.regular)
    discounted = _below(regular * (1 - np.clip(habits.depth + 0.05 * noise[1], 0.04, 0.5)), regular, habits.ending)
    current = np.where(starts, discounted, np.where(ends | moves, regular, shelf.current))
    return Shelf(regular, current, (shelf.on_promotion | starts) & ~ends, market)


def _year(day: np.datetime64) -> float:
    """A day in years since 1970."""
    return float(day.astype("datetime64[D]").astype(np.int64)) / 365.25


def to_ending(price: Amounts, ending: Amounts) -> Amounts:
    """The nearest price not under a rung of the ladder with the ending: 37.2 -> 37.98; cheap goods have finer rungs."""
    step = np.select([price < 5, price < 20, price < 200], [0.1, 0.5, 1.0], 10.0)
    return np.asarray(np.round(np.floor(price / step + 1e-9) * step + step - (1.0 - ending), 2))


def _below(price: Amounts, regular: Amounts, ending: Amounts) -> Amounts:
    """A promotion's price: with the ending where that is under the regular one, else as many cents down as it takes."""
    nice = to_ending(price, ending)
    return np.where(nice < regular, nice, np.round(np.minimum(price, regular - 0.01), 2))


def _hazards(habits: ShelfHabits) -> tuple[Amounts, Amounts]:
    """Chances, on a day outside promotions, that one begins and that the regular price changes."""
    begun = _PROMOTIONS * habits.change_rate
    outside = np.maximum(1.0 - begun * PROMOTION_DAYS, 0.2)
    return begun / outside, (1.0 - 2 * _PROMOTIONS) * habits.change_rate / outside
