"""Does tuning pay, on which kind of price, and what do 10, 20 and 50 trials buy: judged on days that nothing of it has seen.

Every product is trained without tuning and with each number of trials on what was known at an origin, and forecast over the next
fortnight, as in a backtest. Told by kind, and for real sets where they lie beside the checkout: how many products got another
recipe, the error of the tuned models over that of the untuned ones (mean RMSE, all products; and of those with another recipe
alone), with its standard error over products, trials that were really run, seconds on one core, how many features were left out.
Rows come as they are done; the table in docs/tuning.md is what this printed.

Run: python -m benchmarks.tuning_study [--products 12] [--origins 1] [--kinds till_average,shelf,...]
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.accuracy.sets import DATA, REAL
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.metrics import rmse
from pricecast_dagster.forecasting.model import Model, forecast, train
from pricecast_dagster.forecasting.panel import Panel, build_panel
from pricecast_dagster.forecasting.splits import rolling_origins
from pricecast_dagster.forecasting.tuning import TuningPlan
from pricecast_dagster.schemas import DATE, SKU
from pricecast_dagster_tests.accuracy.kinds import history_of

TRIALS, HORIZON_DAYS, STUDIED = (10, 20, 50), 14, ("till_average", "high_low", "campaign", "vegetable", "wholesale", "shelf")
HEADER = "set            trials asked/run  other recipe  all products   changed ones   seconds  features"


@dataclass(frozen=True, slots=True)
class Trained:
    """One product at one origin: what its model was off by, and what it cost."""

    error: float
    seconds: float
    changed: bool
    trials: int
    features: int


def products_of(name: str, count: int) -> tuple[list[Panel], HolidayCalendar]:
    """Some products of a real set, evenly taken, or of a generated kind."""
    if name not in REAL:
        history, calendar = history_of(name, count, seed=21), HolidayCalendar("BR")
    else:
        import pandas as pd

        history = pd.read_csv(DATA / name / "history.csv.gz", dtype={SKU: str}, parse_dates=[DATE])
        counts = history[SKU].value_counts()
        usable = sorted(counts[counts >= 120].index)
        chosen = usable[:: max(len(usable) // count, 1)][:count]
        history, calendar = history[history[SKU].isin(chosen)], HolidayCalendar(REAL[name])
    panel = build_panel(history)
    return [panel.select([row]) for row in range(panel.n_skus)], calendar


def studied(product: Panel, calendar: HolidayCalendar, origin: np.datetime64) -> dict[int, Trained] | None:
    """Number of trials -> what came of it, 0 for none; None where nothing happened by which to judge."""
    known = product.until(origin)
    ahead = slice(known.n_days, known.n_days + HORIZON_DAYS)
    counted = product.observed[:, ahead]
    if not counted.any() or int(known.observed.sum()) < 60:
        return None
    results, untuned = {}, None
    for trials in (0, *TRIALS):
        began = time.process_time()
        model = train(known, calendar, tuning=TuningPlan(trials) if trials else None, seed=1)
        seconds = time.process_time() - began
        untuned = untuned or model
        answer = forecast([model], known, calendar, HORIZON_DAYS, at_end=True).price[:, : counted.shape[1]]
        error = float(rmse(product.price[:, ahead], answer, counted)[0])
        results[trials] = Trained(error, seconds, model.recipe != untuned.recipe, _run(model), int(model.facts["features_count"]))
    return results


def rows_of(name: str, results: list[dict[int, Trained]]) -> Iterator[str]:
    """One line a number of trials."""
    untuned = np.array([result[0].error for result in results])
    features = np.mean([result[0].features for result in results])
    for trials in TRIALS:
        tuned = [result[trials] for result in results]
        errors = np.array([one.error for one in tuned])
        changed = np.array([one.changed for one in tuned])
        extra = np.mean([one.seconds - result[0].seconds for one, result in zip(tuned, results, strict=True)])
        run = np.mean([one.trials for one in tuned])
        left = np.mean([one.features for one in tuned])
        yield (
            f"{name:15}{trials:6} /{run:5.1f} {changed.sum():8} of {len(tuned):2}   {_ratio(errors, untuned)}"
            f"   {_ratio(errors[changed], untuned[changed])}   {extra:5.2f}   {features:.0f} -> {left:.1f}"
        )


def _ratio(errors: np.ndarray, untuned: np.ndarray) -> str:
    """Ratio of means, and its standard error over products by the delta method."""
    if not len(errors) or not untuned.any():
        return "      -      "
    ratio = errors.mean() / untuned.mean()
    if len(errors) < 3:
        return f"{ratio:.3f}        "
    spread = np.std(errors - ratio * untuned, ddof=1) / np.sqrt(len(errors)) / untuned.mean()
    return f"{ratio:.3f} +-{spread:.3f}"


def _run(model: Model) -> int:
    return int(model.facts["tuning"]["trials"])


def main() -> None:
    """Print one row a kind and number of trials."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=12)
    parser.add_argument("--origins", type=int, default=1)
    parser.add_argument("--kinds", default=",".join((*STUDIED, *(name for name in REAL if (DATA / name).exists()))))
    arguments = parser.parse_args()
    print(HEADER)
    # The first training imports what all others find loaded.
    warm, calendar = products_of(STUDIED[0], 1)
    train(warm[0], calendar, tuning=TuningPlan(1), seed=1)
    for name in arguments.kinds.split(","):
        products, calendar = products_of(name, arguments.products)
        results = []
        for product in products:
            count = arguments.origins
            origins = rolling_origins(product.days[-1], count=count, step_days=HORIZON_DAYS, horizon_days=HORIZON_DAYS)
            results += [found for origin in origins if (found := studied(product, calendar, origin)) is not None]
        for row in rows_of(name, results):
            print(row, flush=True)


if __name__ == "__main__":
    main()
