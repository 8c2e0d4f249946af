"""How near anybody could come to the prices of the synthetic retailer: forecasts by its own rules, from its own state.

Belongs here: the forecaster that knows everything but the dice. Not here: those that know the past only. From each origin the
retailer is played on a few hundred times, from the true habits, regular prices and promotions under way; the median of the plays
(and their mean) is forecast. No forecast from past prices can be better on average, so its ratio is the floor of the set.

Run: python -m benchmarks.accuracy.floor [--seeds 42 7 1] [--plays 300]    (20 s a seed)
"""

import argparse
from datetime import date

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.sets import ORIGINS, STEP_DAYS
from pricecast_dagster.schemas import CATEGORY
from pricecast_dagster.sources.catalogue import CATEGORIES, make_products
from pricecast_dagster.sources.demand import peak_factors
from pricecast_dagster.sources.shelf import Shelf, draw_habits, next_day, to_ending
from pricecast_dagster.sources.synthetic import EAGERNESS_OF_PEAKS

DAYS, PRODUCTS, HORIZON_DAYS = 365, 200, 14
LAST_DAY = date(2026, 5, 31)


def floor_of(seed: int, plays: int) -> tuple[float, float]:
    """RMSE of the median and of the mean of the plays, over that of the last value."""
    categories = [CATEGORIES[name] for name in make_products(PRODUCTS)[CATEGORY]]
    days = np.datetime64(LAST_DAY, "D") - np.arange(DAYS)[::-1]
    begun = float(days[0].astype(np.int64)) / 365.25
    eagerness = np.stack([peak_factors(days, category.peaks) for category in categories]) ** EAGERNESS_OF_PEAKS
    of_habits, of_prices = np.random.default_rng(seed).spawn(4)[:2]
    cheapest, dearest = (np.array([getattr(category, end) for category in categories]) for end in ("cheapest", "dearest"))
    habits = draw_habits(cheapest, dearest, of_habits)

    def play(shelf: Shelf, first: int, count: int, generator: np.random.Generator) -> list[Shelf]:
        evenings = []
        for day in range(first, first + count):
            shelf = next_day(habits, shelf, days[day], begun, eagerness[:, day], generator)
            evenings.append(shelf)
        return evenings

    regular = to_ending(habits.base, habits.ending)
    history = play(Shelf(regular, regular, np.zeros(PRODUCTS, dtype=bool), np.zeros(PRODUCTS)), 0, DAYS, of_prices)
    dice = np.random.default_rng(seed + 1)
    errors: dict[str, list[NDArray[np.float64]]] = {"median": [], "mean": [], "last": []}
    for back in range(ORIGINS):
        origin = DAYS - 1 - HORIZON_DAYS - STEP_DAYS * back
        futures = [play(history[origin], origin + 1, HORIZON_DAYS, dice) for _ in range(plays)]
        prices = np.array([[evening.current for evening in future] for future in futures])
        actual = np.array([evening.current for evening in history[origin + 1 : origin + 1 + HORIZON_DAYS]])
        answers = {"median": np.median(prices, axis=0), "mean": prices.mean(axis=0), "last": history[origin].current[None]}
        for name, answer in answers.items():
            errors[name].append(np.sqrt(((answer - actual) ** 2).mean(axis=0)))
    last = float(np.mean(errors["last"]))
    return float(np.mean(errors["median"])) / last, float(np.mean(errors["mean"])) / last


def main() -> None:
    """Print the floor of some retailers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[42, 7, 1])
    parser.add_argument("--plays", type=int, default=300)
    arguments = parser.parse_args()
    for seed in arguments.seeds:
        median, mean = floor_of(seed, arguments.plays)
        print(f"seed {seed}: RMSE ratio to the last value {median:.3f} by the median of all futures, {mean:.3f} by their mean")


if __name__ == "__main__":
    main()
