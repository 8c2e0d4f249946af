"""What feature selection by SHAP saves and costs: seconds of a refit with and without it, and the error on days it has not seen.

Features are selected on what was known six weeks before the end; both recipes are then trained and judged at the end, on the
last fortnight. The peer is the same recipe with all its features. Run: python -m benchmarks.selection [--products 4]
"""

import argparse
import time
from collections.abc import Callable

import numpy as np

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.metrics import rmse
from pricecast_dagster.forecasting.model import forecast, refit, train
from pricecast_dagster.forecasting.panel import Panel, build_panel
from pricecast_dagster.forecasting.recipe import Kind, Recipe, default_recipe
from pricecast_dagster.forecasting.selection import select
from pricecast_dagster_tests.accuracy.kinds import history_of

KINDS, SEED, AHEAD_DAYS, EARLIER_DAYS, REPEATS = ("till_average", "high_low", "wholesale"), 31, 14, 28, 3


def seconds_of(work: Callable[[], object]) -> float:
    """Process time of one call, the least of some."""
    taken = []
    for _ in range(REPEATS):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)


def judged(product: Panel, calendar: HolidayCalendar, recipe: Recipe) -> tuple[float, float]:
    """Error over the last fortnight, in price units, and seconds of a refit."""
    known = product.until(product.days[-1 - AHEAD_DAYS])
    model = train(known, calendar, tuning=None, recipe=recipe, seed=1)
    answer = forecast([model], known, calendar, AHEAD_DAYS, at_end=True).price
    ahead = slice(known.n_days, None)
    error = float(rmse(product.price[:, ahead], answer, product.observed[:, ahead])[0])
    return error, seconds_of(lambda: refit(known, calendar, model, seed=1))


def main() -> None:
    """Print one row a kind of price."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=4)
    arguments = parser.parse_args()
    calendar, recipe = HolidayCalendar("BR"), default_recipe()
    print("kind            learners with fewer   features of those   selecting s   refit s all -> fewer   error, fewer over all")
    for kind in KINDS:
        learners = recipe.by_kind[Kind.NOISY if kind == "till_average" else Kind.STICKY]
        everything, fewer, taken, kept, offered = [], [], [], [], []
        panel = build_panel(history_of(kind, arguments.products, SEED))
        for row in range(panel.n_skus):
            product = panel.select([row])
            early = product.until(product.days[-1 - EARLIER_DAYS - AHEAD_DAYS])
            began = time.process_time()
            found = select(early, calendar, recipe, learners, seed=1)
            taken.append(time.process_time() - began)
            smaller = recipe
            for name, outcome in found.items():
                smaller = smaller.with_features(name, outcome.features)
                offered.append(outcome.offered)
                kept.append(len(outcome.features))
            everything.append(judged(product, calendar, recipe))
            fewer.append(judged(product, calendar, smaller))
        changed = [position for position, count in enumerate(kept) if count < offered[position]]
        share = (
            f"{np.mean([offered[at] for at in changed]):.0f} -> {np.mean([kept[at] for at in changed]):.0f}" if changed else "-"
        )
        (error_all, seconds_all), (error_fewer, seconds_fewer) = (np.mean(each, axis=0) for each in (everything, fewer))
        print(
            f"{kind:15} {len(changed):9} of {len(kept):2} {share:>20} {np.mean(taken):12.2f}"
            f" {seconds_all:12.3f} -> {seconds_fewer:.3f} {error_fewer / error_all:18.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
