"""How far forecasts are off, beside the simple methods on the same days: real sets and generated kinds of price.

Protocol: four origins 14 days apart, the last 56 days, horizon 14, no tuning; the history is cut at the origin; errors on
observed days; SKU-origins with fewer than 60 observations are left out; mean RMSE over SKU-origins, over that of the last
value. The real sets lie beside the checkout in ../shared/data and are left out where they are absent. Generated kinds measure a
recipe on what the two sets are not; their generators are our own, so they say whether a recipe breaks on a kind, not how good it
is in a shop.

Run: python -m benchmarks.accuracy [--every 5] [--processes 2]    (about four minutes on two cores for every product)
"""

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from pricecast_dagster.forecasting.backtest import backtest, backtest_frame, compare_with_simple
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.forecasts import Forecasts
from pricecast_dagster.forecasting.panel import Panel, build_panel
from pricecast_dagster.forecasting.splits import rolling_origins
from pricecast_dagster.schemas import DATE, SKU
from pricecast_dagster_tests.accuracy.kinds import KINDS, history_of

DATA = Path(__file__).parents[1].parent / "shared" / "data"
REAL = {"online_retail": "GB", "complete_journey": "US"}
HORIZON_DAYS, ORIGINS, PRODUCTS_OF_A_KIND = 14, 4, 40


def data_sets(every: int) -> Iterator[tuple[str, pd.DataFrame, HolidayCalendar]]:
    """Name, history and calendar of each set; of the products every n-th."""
    for name, country in REAL.items():
        path = DATA / name / "history.csv.gz"
        if path.exists():
            history = pd.read_csv(path, dtype={SKU: str}, parse_dates=[DATE])
            chosen = sorted(history[SKU].unique())[::every]
            yield name, history[history[SKU].isin(chosen)], HolidayCalendar(country)
    for kind in KINDS:
        yield kind, history_of(kind, max(PRODUCTS_OF_A_KIND // every, 4), seed=11), HolidayCalendar("BR")


def from_all_origins(history: Panel, calendar: HolidayCalendar, origins: list[np.datetime64]) -> list[Forecasts]:
    """The forecasts of one product from those origins at which it had begun."""
    forecasts = [backtest(history, calendar, origin, HORIZON_DAYS, tuning=None, seed=1) for origin in origins]
    return [forecast for forecast in forecasts if forecast.skus]


def measured(history: pd.DataFrame, calendar: HolidayCalendar, pool: ProcessPoolExecutor) -> pd.DataFrame:
    """The comparison table of one set."""
    panel = build_panel(history)
    origins = list(rolling_origins(panel.days[-1], count=ORIGINS, step_days=HORIZON_DAYS, horizon_days=HORIZON_DAYS))
    products = [panel.select([row]) for row in range(panel.n_skus)]
    work = partial(from_all_origins, calendar=calendar, origins=origins)
    results = pool.map(work, products, chunksize=4)
    return compare_with_simple(backtest_frame(forecast for product in results for forecast in product), panel)


def row_of(name: str, table: pd.DataFrame) -> str:
    """One line of the printed table."""
    by_method = table.set_index("method")
    own, last = by_method.iloc[0], by_method.loc["last value"]
    others = " ".join(f"{ratio:7.3f}" for ratio in by_method["ratio_to_last_value"].drop(["pricecast", "last value"]))
    return (
        f"{name:17}{own['sku_origins']:6.0f} {own['ratio_to_last_value']:7.3f} {others}"
        f" {own['wape']:6.1f}/{last['wape']:4.1f} {100 * own['worse_than_last_value']:5.0f}"
        f" {100 * own['exactly_right']:6.1f}/{100 * last['exactly_right']:5.1f}"
        f" {100 * own['coverage_80']:5.1f} {100 * own['coverage_95']:5.1f}"
    )


def main() -> None:
    """Print one row a set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="take every n-th product")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    print("RMSE ratio to the last value; WAPE % and exactly right days % beside the last value's; coverage % at 80 and 95")
    print("set                 n     ours   season  7-day  28-day    SES     WAPE    worse %  exact        80    95")
    with ProcessPoolExecutor(arguments.processes) as pool:
        for name, history, calendar in data_sets(arguments.every):
            print(row_of(name, measured(history, calendar, pool)), flush=True)


if __name__ == "__main__":
    main()
