"""Kinds of price that nothing was chosen on: pricing habits that are in no set.

Belongs here: the habits, and a table of them. Not here: the kinds that recipes are chosen on (`sets`), and scores (`scoring`).

Each is a habit in its pure form, such as a price that is lowered from Friday to Sunday, every week: no shop is like that, but a
recipe that breaks on one of them is no recipe for shops. Run: python -m benchmarks.accuracy.further [--seed 3]    (three minutes)
"""

import argparse
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.accuracy.answers import LAST, answers_of
from benchmarks.accuracy.scoring import band_scores, point_scores
from benchmarks.accuracy.sets import Cases, DataSet
from pricecast_dagster.forecasting.baselines import SIMPLE_METHODS
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.comparison import OWN
from pricecast_dagster.forecasting.panel import build_panel
from pricecast_dagster.schemas import DATE, PRICE, QUANTITY, SKU

DAYS: Final = 400
PRODUCTS: Final = 20
HORIZON_DAYS: Final = 14
LEAST_PRICE: Final = 0.05

DAYS_OF_HISTORY: Final = pd.date_range("2025-01-01", periods=DAYS)
_DAY: Final = np.arange(DAYS)
_FRIDAY_TO_SUNDAY: Final = DAYS_OF_HISTORY.day_of_week.to_numpy() >= 4


def inflation(rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise about a level that rises by 0.4 to 2 % a week."""
    return 10 * np.exp(rng.uniform(0.0005, 0.003) * _DAY + 0.05 * rng.standard_t(5, DAYS))


def stepwise_inflation(rng: np.random.Generator) -> NDArray[np.float64]:
    """A shelf price that is raised by about 3 % every two to five weeks and never lowered."""
    lengths = rng.integers(10, 35, DAYS)
    prices = rng.uniform(3, 30) * np.cumprod(1 + np.abs(rng.normal(0.03, 0.015, DAYS)))
    return np.repeat(prices, lengths)[:DAYS]


def markdown(rng: np.random.Generator) -> NDArray[np.float64]:
    """Fashion: lowered by 15 % every one to three weeks until the next collection comes at the full price."""
    full, prices = rng.uniform(20, 80), np.zeros(0)
    while len(prices) < DAYS:
        base, season = full * rng.uniform(0.9, 1.1), int(rng.integers(40, 80))
        lengths = rng.integers(7, 21, season)
        steps = np.repeat(base * 0.85 ** np.arange(season), lengths)
        prices = np.concatenate([prices, steps[:season]])
    return prices[:DAYS]


def fuel(rng: np.random.Generator) -> NDArray[np.float64]:
    """Raised on most Fridays and undercut a little every day (Edgeworth cycles)."""
    price, prices = 5.0, np.empty(DAYS)
    for day in range(DAYS):
        raised = DAYS_OF_HISTORY[day].day_of_week == 4 and rng.random() < 0.9
        price = 5.4 + rng.normal(0, 0.03) + 0.0003 * day if raised else price * (1 - abs(rng.normal(0.012, 0.004)))
        prices[day] = price
    return prices


def weekends(rng: np.random.Generator) -> NDArray[np.float64]:
    """Lowered from Friday to Sunday, every week."""
    return rng.uniform(5, 20) * np.where(_FRIDAY_TO_SUNDAY, 1 - rng.uniform(0.1, 0.3), 1.0)


def noisy_weekends(rng: np.random.Generator) -> NDArray[np.float64]:
    """The same as a till's averages."""
    return weekends(rng) * np.exp(0.03 * rng.standard_normal(DAYS))


def payday(rng: np.random.Generator) -> NDArray[np.float64]:
    """Lowered on the same five days of every month."""
    ahead = DAYS_OF_HISTORY.day.to_numpy() - rng.integers(1, 24)
    return rng.uniform(5, 20) * np.where((ahead >= 0) & (ahead < 5), 0.8, 1.0)


def every_thirty_days(rng: np.random.Generator) -> NDArray[np.float64]:
    """Lowered for four days of every thirty, whatever the calendar says."""
    return rng.uniform(5, 20) * np.where(_DAY % 30 < 4, 0.8, 1.0)


def season(rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise about a level that goes up and down with the year."""
    return 10 * (1 + 0.3 * np.sin(2 * np.pi * _DAY / 365)) * np.exp(0.04 * rng.standard_normal(DAYS))


def bulk(rng: np.random.Generator) -> NDArray[np.float64]:
    """A till with little noise, and on every seventh day or so a sale in bulk at 40 to 80 % of the price."""
    sold_in_bulk = rng.random(DAYS) < 0.15
    return 10 * np.where(sold_in_bulk, rng.uniform(0.4, 0.8, DAYS), 1.0) * np.exp(0.02 * rng.standard_normal(DAYS))


HABITS: Final[tuple[Callable[[np.random.Generator], NDArray[np.float64]], ...]] = (
    inflation,
    stepwise_inflation,
    markdown,
    fuel,
    weekends,
    noisy_weekends,
    payday,
    every_thirty_days,
    season,
    bulk,
)


def history_of(habit: Callable[[np.random.Generator], NDArray[np.float64]], seed: int) -> pd.DataFrame:
    """Daily records of some products with one habit."""
    frames = []
    for number in range(PRODUCTS):
        rng = np.random.default_rng([seed, number, *habit.__name__.encode()])
        price = np.round(np.maximum(habit(rng), LEAST_PRICE), 2)
        sold = rng.poisson(20, DAYS).astype(float)
        frames.append(pd.DataFrame({SKU: f"{habit.__name__}-{number:02d}", DATE: DAYS_OF_HISTORY, PRICE: price, QUANTITY: sold}))
    return pd.concat(frames)


def main() -> None:
    """Print a row a habit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args()
    print("| habit | RMSE ratio | best simple | WAPE % | exact % | coverage 80/95 | width 80/95 |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    with ProcessPoolExecutor(chosen.processes, get_context("spawn")) as processes:
        for habit in HABITS:
            panel = build_panel(history_of(habit, chosen.seed))
            print(_row(DataSet(habit.__name__, panel, HolidayCalendar("BR")), processes), flush=True)


def _row(data: DataSet, processes: ProcessPoolExecutor) -> str:
    cases = Cases.of(data.panel, HORIZON_DAYS)
    answers = answers_of(data, cases, processes)
    own, naive = point_scores(cases, answers, OWN), point_scores(cases, answers, LAST)
    bands = band_scores(cases, answers, OWN)
    assert bands is not None
    best, name = min((point_scores(cases, answers, simple).ratio, simple) for simple in SIMPLE_METHODS)
    coverage = " / ".join(f"{share:.1f}" for share in bands.coverage)
    width = " / ".join(f"{share:.2f}" for share in bands.width)
    return (
        f"| {data.name.replace('_', ' ')} | {own.ratio:.3f} | {best:.3f} {name} | {own.wape:.1f} ({naive.wape:.1f}) | "
        f"{own.exact:.1f} ({naive.exact:.1f}) | {coverage} | {width} |"
    )


if __name__ == "__main__":
    main()
