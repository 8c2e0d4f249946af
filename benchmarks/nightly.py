"""What a product's nights cost and serve: carried on as pricecast does, with less memory, by age alone, and weighed every night.

Each product serves six weeks; every night with a new price its model is carried on and forecasts the next fortnight. Weighing
again every night is the peer. The set `shifted` has the level shifts of a retailer whose troubles are known, from three days
before. Printed: process time a night, how often was weighed again, and what was served: RMSE over the
last value's and Winkler scores of both bands over the last value's mean error. Run: python -m benchmarks.nightly [--sets NAMES]
[--every 4] [--processes 2]
"""

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.sets import DataSet, data_sets, names
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.comparison import OBSERVATIONS_TO_COUNT
from pricecast_dagster.forecasting.metrics import rmse, winkler
from pricecast_dagster.forecasting.model import Model, forecast, refit, train
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.stages.weights import WEIGH_AGAIN_DAYS, remember, weigh_again
from pricecast_dagster_tests.monitoring.truth import Trouble, make_truth

NIGHTS, HORIZON, PRODUCTS = 42, 14, 300
AS_SERVED, AT_ONCE, BY_AGE, EVERY_NIGHT = "as served", "at a surprise, then by age", "by age alone", "every night"
SHIFTED, SHIFTED_SEED, NIGHTS_BEFORE = "shifted", 11, 3


@dataclass(frozen=True)
class Service:
    """One product's nights: their number, how many weighed again, seconds of all; means over nights of the four scores."""

    nights: int
    weighed: int
    seconds: float
    scores: NDArray[np.float64]


def main() -> None:
    """Print a row a set and rule."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=[*names(), SHIFTED], help="all by default")
    parser.add_argument("--every", type=int, default=4, help="every n-th product")
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args()
    print("| set | products | rule | seconds a night | weighed again % | RMSE ratio | Winkler 80 | Winkler 95 |")
    print("| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    with ProcessPoolExecutor(chosen.processes, get_context("spawn")) as processes:
        for name in chosen.sets:
            calendar, panels = _histories(name, chosen.every)
            for rule in (AS_SERVED, AT_ONCE, BY_AGE, EVERY_NIGHT):
                services = [one for one in processes.map(partial(_serve, calendar, rule), panels) if one is not None]
                _print(name, rule, services)


def _histories(name: str, every: int) -> tuple[HolidayCalendar, list[Panel]]:
    if name == SHIFTED:
        return HolidayCalendar("BR"), _shifted(every)
    (data,) = data_sets((name,), every)
    return data.calendar, _products(data)


def _shifted(every: int) -> list[Panel]:
    truth = make_truth(PRODUCTS, seed=SHIFTED_SEED)
    rows = truth.of(Trouble.SHIFT)[::every]
    ends = truth.day[rows] - NIGHTS_BEFORE + NIGHTS + HORIZON
    return [
        truth.panel.select([row]).until(truth.panel.days[min(end, truth.panel.n_days) - 1])
        for row, end in zip(rows, ends, strict=True)
    ]


def _products(data: DataSet) -> list[Panel]:
    """Those with prices enough before the first night, each on its own days."""
    before = data.panel.observed[:, : data.panel.n_days - NIGHTS - HORIZON].sum(axis=1)
    return [data.panel.select([row]) for row in np.flatnonzero(before >= OBSERVATIONS_TO_COUNT).tolist()]


def _serve(calendar: HolidayCalendar, rule: str, whole: Panel) -> Service | None:
    first = whole.n_days - NIGHTS - HORIZON
    model = train(_known(whole, first), calendar, tuning=None, seed=1)
    scores, weighed, seconds = [], 0, 0.0
    nights = [night for night in range(first + 1, first + NIGHTS + 1) if whole.observed[0, night - 1]]
    for night in nights:
        history = _known(whole, night)
        began = time.process_time()
        again = _again(rule, history, model)
        carried = _carried_on(history, calendar, model, again=again)
        model = remember(carried, history, model) if rule == AS_SERVED else carried
        seconds += time.process_time() - began
        weighed += again
        score = _scores(whole, night, history, model, calendar)
        scores += [] if score is None else [score]
    return Service(len(nights), weighed, seconds, np.mean(scores, axis=0)) if scores else None


def _known(whole: Panel, n_days: int) -> Panel:
    return whole.until(whole.days[n_days - 1]).lifetime()


def _carried_on(history: Panel, calendar: HolidayCalendar, model: Model, *, again: bool) -> Model:
    if again:
        return train(history, calendar, tuning=None, recipe=model.recipe, seed=1)
    return refit(history, calendar, model, seed=1)


def _again(rule: str, history: Panel, model: Model) -> bool:
    if rule in (AS_SERVED, AT_ONCE):
        return weigh_again(history, model)
    age = history.days[-1] - np.datetime64(str(model.facts["weighed_until"]), "D")
    return rule == EVERY_NIGHT or int(age.astype(int)) >= WEIGH_AGAIN_DAYS


def _scores(
    whole: Panel, night: int, history: Panel, model: Model, calendar: HolidayCalendar
) -> tuple[float, float, float, float] | None:
    """RMSE and the last value's, Winkler scores of both bands; none where no day of the fortnight has a price."""
    ahead = slice(night, night + HORIZON)
    actual, seen = whole.price[:, ahead], whole.observed[:, ahead]
    if not seen.any():
        return None
    made = forecast([model], history, calendar, HORIZON)
    return (
        float(rmse(actual, made.price, seen)[0]),
        float(rmse(actual, np.full_like(actual, history.price[0, -1]), seen)[0]),
        float(winkler(actual, made.lower_80, made.upper_80, seen, level=0.8)[0]),
        float(winkler(actual, made.lower_95, made.upper_95, seen, level=0.95)[0]),
    )


def _print(name: str, rule: str, services: list[Service]) -> None:
    nights = sum(service.nights for service in services)
    seconds = sum(service.seconds for service in services) / nights
    weighed = sum(service.weighed for service in services) / nights
    own, last, *bands = np.mean([service.scores for service in services], axis=0)
    shown = " | ".join(f"{score / last:.3f}" if last > 0 else "-" for score in (own, *bands))
    print(f"| {name} | {len(services)} | {rule} | {seconds:.3f} | {weighed:.0%} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
