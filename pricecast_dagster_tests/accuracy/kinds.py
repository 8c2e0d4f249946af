"""Generated products of each kind of price that shops have, for measuring a recipe on what is not in our data sets.

Belongs here: one generator a kind, with the statistics that were measured on real sets (share of days with a change, sizes, share
of changes that lead back to the price before, gaps, how long a move lasts). Not here: the synthetic retailer that demos use
(`sources.synthetic`), and judging forecasts.

Every generator gives one product: (days,) prices and (days,) whether there was a record on that day.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Product: TypeAlias = tuple[NDArray[np.float64], NDArray[np.bool_]]
Generator: TypeAlias = np.random.Generator

FIRST_DAY = np.datetime64("2024-01-01", "D")


def shelf(rng: Generator, days: int = 240) -> Product:
    """Brazilian cash-and-carry: a regular price, short promotions that mostly end where they began, some weeks out of stock.

    Changes on 4 % of days in the median and none for a seventh of the products; 39 % of changes lead back exactly.
    """
    change_share = float(
        np.interp(rng.random(), [0, 0.12, 0.13, 0.25, 0.5, 0.75, 0.9, 1], [0, 0, 0.012, 0.02, 0.045, 0.09, 0.17, 0.4])
    )
    weekday_pull = np.array([1.5, 1.5, 0.8, 0.3, 1.6, 1.5, 0.2])
    regular = _ended(np.exp(rng.normal(2.3, 0.8)), rng)
    prices = np.empty(days)
    price, promotion_left = regular, 0
    for day in range(days):
        if promotion_left > 0:
            promotion_left -= 1
            if promotion_left == 0:
                regular = regular if rng.random() < 0.7 else _ended(regular * _size(rng, 0.05), rng)
                price = regular
        elif rng.random() < change_share * 0.55 * weekday_pull[day % 7]:
            if rng.random() < 0.85:
                price = _ended(regular * (1 - rng.choice([0.06, 0.1, 0.15, 0.2, 0.3])), rng)
                promotion_left = int(rng.choice([1, 2, 3, 4, 6, 8, 15, 30], p=[0.25, 0.23, 0.2, 0.12, 0.08, 0.06, 0.04, 0.02]))
            else:
                regular = _ended(regular * _size(rng, 0.12), rng)
                price = regular
        prices[day] = price
    observed = rng.random(days) < 0.97
    if rng.random() < 0.2:
        start = int(rng.integers(20, days - 20))
        observed[start : start + int(rng.integers(10, 40))] = False
    return prices, observed


def board(rng: Generator, days: int = 800) -> Product:
    """US big-box: changes on one weekday only, in 1.3 % of weeks; a quarter of the products never changes."""
    rate = 0.0 if rng.random() < 0.22 else float(0.011 + rng.gamma(1.0, 0.004))
    regular = _ended(np.exp(rng.normal(1.5, 0.7)), rng)
    prices = np.empty(days)
    price, weeks_left = regular, 0
    for day in range(days):
        if day % 7 == 5:
            if weeks_left:
                weeks_left -= 1
                price = price if weeks_left else regular
            elif rng.random() < rate:
                if rng.random() < 0.62:
                    price, weeks_left = (
                        _ended(regular * (0.94 - 0.32 * rng.random() ** 2), rng),
                        int(rng.choice([1, 4, 8, 13, 26])),
                    )
                else:
                    regular = price = _ended(regular * (1.02 + rng.normal(0, 0.12)), rng)
        prices[day] = price
    return prices, np.ones(days, dtype=bool)


def high_low(rng: Generator, days: int = 500) -> Product:
    """Supermarket orange juice: deals of one or two weeks, one after the other, no two alike; a change in 46 % of weeks."""
    regular = _ended(np.exp(rng.normal(1.0, 0.3)), rng)
    prices = np.empty(days)
    price, deal = regular, False
    for day in range(days):
        if day % 7 == 2:
            chance = rng.random()
            if deal and chance < 0.55:
                # Half of the deals end at another price than they began at.
                regular = regular if rng.random() < 0.6 else round(regular * _size(rng, 0.06), 2)
                price, deal = regular, False
            elif (deal and chance < 0.64) or (not deal and chance < 0.32):
                price, deal = round(regular * (0.96 - 0.34 * rng.random() ** 1.7), 2), True
            elif not deal and chance < 0.38:
                regular = price = round(regular * _size(rng, 0.06), 2)
        prices[day] = price
    return prices, np.ones(days, dtype=bool)


def campaign(rng: Generator, days: int = 700) -> Product:
    """One dear product: fortnights of promotion about a rising level, and single days at another price in between."""
    level = np.exp(np.linspace(0, 0.6, days) + np.cumsum(rng.normal(0, 0.002, days)))
    regular = np.exp(rng.normal(4.0, 0.4)) * level
    factor = np.ones(days)
    day = int(rng.integers(5, 40))
    while day < days:
        length = int(rng.integers(8, 18))
        factor[day : day + length] = 1 - rng.choice([0.1, 0.2, 0.27, 0.35])
        day += length + int(rng.integers(10, 45))
    steps = np.maximum.accumulate(np.where(rng.random(days) < 0.05, np.arange(days), 0))
    blips = np.where(rng.random(days) < 0.05, 1 + rng.normal(0, 0.06, days), 1.0)
    return np.round(regular[steps] * factor * blips, 1), rng.random(days) < 0.98


def vegetable(rng: Generator, days: int = 730) -> Product:
    """Till averages of vegetables: a level that wanders by steps, end-of-day discounts in the average, gaps of months."""
    steps = rng.random(days) < 0.17
    drift = np.cumsum(np.where(steps, rng.normal(0, 0.09, days), 0))
    season = 0.25 * np.sin(2 * np.pi * (np.arange(days) / 365 + rng.random()))
    level = np.exp(rng.normal(1.8, 0.5) + drift + season[np.maximum.accumulate(np.where(steps, np.arange(days), 0))])
    discounted = rng.random(days) < 0.08
    prices = np.round(np.round(level, 1) * np.where(discounted, 1 - rng.beta(1, 6, days), 1.0), 2)
    return np.maximum(prices, 0.1), _seasonal_gaps(rng, days, 0.93)


def wholesale(rng: Generator, days: int = 730) -> Product:
    """Wholesale produce: near a random walk with jumps, half of the days change, round numbers, gaps of weeks and months."""
    moves = np.where(rng.random(days) < 0.42, rng.standard_t(3, days) * 0.055, 0)
    season = 0.3 * np.sin(2 * np.pi * (np.arange(days) / 365 + rng.random()))
    wandering = np.cumsum(moves)
    level = np.exp(rng.normal(2.5, 0.7) + wandering - np.linspace(0, wandering[-1], days) + season)
    unit = 10 ** np.floor(np.log10(np.median(level))) / 10
    excursion = np.where(rng.random(days) < 0.13, rng.normal(0, 0.14, days), 0)
    # The season shows only where the price is set anew.
    held = np.maximum.accumulate(np.where(moves != 0, np.arange(days), 0))
    prices = np.maximum(np.round(level[held] * (1 + excursion) / unit) * unit, unit)
    return prices, _seasonal_gaps(rng, days, 0.7)


def till_average(rng: Generator, days: int = 375) -> Product:
    """Day's revenue over quantity: a list price and a cheaper one for large orders; many days have the list price alone.

    A third of days are without sale; the level is changed now and then, and drifts with who buys.
    """
    steps = np.maximum.accumulate(np.where(rng.random(days) < 0.01, np.arange(days), 0))
    level = np.exp(rng.normal(0.9, 0.8)) * np.exp(np.cumsum(rng.normal(0, 0.008, days)))[steps]
    dear = np.round(level * rng.uniform(1.5, 2.1), 2)
    cheap = np.round(level, 2)
    share = np.where(rng.random(days) < rng.uniform(0.2, 0.7), 1.0, np.clip(rng.beta(1.2, 1.8) + rng.normal(0, 0.5, days), 0, 1))
    prices = cheap + share * (dear - cheap)
    return np.round(np.maximum(prices, 0.05), 3), rng.random(days) < rng.uniform(0.45, 0.9)


def constant(rng: Generator, days: int = 300) -> Product:
    """A price that never moves."""
    return np.full(days, _ended(np.exp(rng.normal(2, 1)), rng)), rng.random(days) < 0.95


def level_shift(rng: Generator, days: int = 300) -> Product:
    """A price that changes a few times for good."""
    price = np.full(days, _ended(np.exp(rng.normal(2.5, 0.7)), rng))
    for day in np.sort(rng.integers(30, days, size=int(rng.integers(2, 8)))):
        price[day:] = _ended(price[day] * _size(rng, 0.15), rng)
    return price, np.ones(days, dtype=bool)


KINDS: dict[str, Callable[[Generator], Product]] = {
    "shelf": shelf,
    "board": board,
    "high_low": high_low,
    "campaign": campaign,
    "vegetable": vegetable,
    "wholesale": wholesale,
    "till_average": till_average,
    "constant": constant,
    "level_shift": level_shift,
}


def history_of(kind: str, products: int, seed: int) -> pd.DataFrame:
    """A long history of some products of a kind; quantities fall where prices rise."""
    frames = []
    for number in range(products):
        rng = np.random.default_rng([seed, number, *kind.encode()])
        prices, observed = KINDS[kind](rng)
        observed[0] = observed[-1] = True
        demand = 20 * (prices / np.median(prices)) ** -1.5 * np.exp(rng.normal(0, 0.4, len(prices)))
        frames.append(
            pd.DataFrame(
                {
                    "sku": f"{kind}-{number:03d}",
                    "date": (FIRST_DAY + np.arange(len(prices))).astype("datetime64[s]"),
                    "price": prices,
                    "quantity": np.round(demand),
                }
            )[observed]
        )
    return pd.concat(frames, ignore_index=True)


def _size(rng: Generator, spread: float) -> float:
    return float(np.exp(rng.normal(0.01, spread)))


def _ended(price: float, rng: Generator) -> float:
    """The price with one of the usual endings."""
    ending = rng.choice([0.98, 0.99, 0.90, 0.49, 0.0], p=[0.35, 0.25, 0.2, 0.1, 0.1])
    return float(max(np.floor(price) + ending, 0.5))


def _seasonal_gaps(rng: Generator, days: int, share: float) -> NDArray[np.bool_]:
    observed = rng.random(days) < share
    for _ in range(int(rng.integers(0, 3))):
        start = int(rng.integers(0, days))
        observed[start : start + int(rng.integers(14, 90))] = False
    return observed
