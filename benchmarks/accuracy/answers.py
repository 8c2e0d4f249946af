"""What pricecast and the simple methods answer, case by case.

Belongs here: our own forecasts, spread over processes, those of the simple methods, and the last value's own bands. Not here:
peers, which need an environment of their own (`peers`, `exchange`), and scores (`scoring`).
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.sets import ORIGINS, Cases, DataSet
from pricecast_dagster.forecasting.backtest import backtest
from pricecast_dagster.forecasting.baselines import SIMPLE_METHODS
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.comparison import OWN
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.pooled import Pooled
from pricecast_dagster.forecasting.pooled_fit import KEPT_CUTS, fit_pooled, sample_of
from pricecast_dagster.forecasting.recipe import POOLED, Recipe, default_recipe
from pricecast_dagster.schemas import LEVELS

LAST: Final = "last value"
_SEED: Final = 1


@dataclass(frozen=True, eq=False)
class Answer:
    """What a method forecast.

    Attributes:
        price: (n, h).
        bands: (levels, 2, n, h) lower and upper ends in the order of schemas.LEVELS; None where the method has none.
    """

    price: NDArray[np.float64]
    bands: NDArray[np.float64] | None = None

    def where(self, chosen: NDArray[np.bool_]) -> "Answer":
        """Its answers to some of the cases (n,)."""
        return Answer(self.price[chosen], None if self.bands is None else self.bands[:, :, chosen])


def answers_of(data: DataSet, cases: Cases, pool: ProcessPoolExecutor, members: Sequence[str] = ()) -> dict[str, Answer]:
    """Our own answers and those of the simple methods, our own first; `members` are additional ones of our own."""
    histories = [(data.panel.select([row]), data.panel.first_day + column) for row, column in _pairs(cases)]
    work = partial(_own, calendar=data.calendar, horizon_days=cases.horizon_days, recipe=default_recipe().with_members(members))
    if POOLED in members:
        work = partial(work, pooled=pooled_of(data, cases))
    own = list(pool.map(work, histories, chunksize=8))
    answers = {OWN: Answer(np.stack([price for price, _ in own]), np.stack([bands for _, bands in own], axis=2))}
    panel = data.panel.select(cases.rows)
    for name, method in SIMPLE_METHODS.items():
        answers[name] = Answer(method(panel, cases.columns, cases.horizon_days))
    last = answers[LAST].price
    width = np.stack([last_value_widths(data.panel, row, column, cases.horizon_days) for row, column in _pairs(cases)], axis=1)
    answers[LAST] = Answer(last, np.stack([np.maximum(last - width, 0.0), last + width], axis=1))
    return answers


def last_value_widths(panel: Panel, row: int, column: int, horizon_days: int) -> NDArray[np.float64]:
    """(levels, h) half-widths of split conformal bands around the last value of one product at one origin.

    Absolute errors of "the same as on that day" from every past day, by days ahead, those observed; the quantile of conformal
    prediction, the (n + 1) level-th smallest of n, the largest where there are too few.
    """
    price, observed = panel.price[row, : column + 1], panel.observed[row, : column + 1]
    widths = np.empty((len(LEVELS), horizon_days))
    first = int(panel.first[row])
    for ahead in range(1, horizon_days + 1):
        errors = np.sort(np.abs(price[first + ahead :] - price[first : column + 1 - ahead])[observed[first + ahead :]])
        for position, level in enumerate(LEVELS):
            rank = int(np.ceil((len(errors) + 1) * level / 100))
            widths[position, ahead - 1] = errors[min(rank, len(errors)) - 1] if len(errors) else 0.0
    return widths


def pooled_of(data: DataSet, cases: Cases) -> Pooled:
    """The pooled model of all products of the set; at each origin a member takes of it what was to be had by then."""
    singles = [data.panel.select([row]) for row in range(data.panel.n_skus)]
    chosen = set(sample_of(data.panel.skus))
    known = [single for single in singles if single.skus[0] in chosen]
    count = KEPT_CUTS + ORIGINS - 1
    return fit_pooled(known, data.calendar, cases.origins.max(), _SEED, of_skus=len(singles), kept_cuts=count)


def _own(
    case: tuple[Panel, np.datetime64],
    *,
    calendar: HolidayCalendar,
    horizon_days: int,
    recipe: Recipe,
    pooled: Pooled | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(h,) prices and (levels, 2, h) bands of one product from one origin, without tuning."""
    history, origin = case
    made = backtest(history, calendar, origin, horizon_days, tuning=None, seed=_SEED, recipe=recipe, pooled=pooled)
    bands = np.stack([made.lower_80, made.upper_80, made.lower_95, made.upper_95])
    return made.price[0], bands.reshape(len(LEVELS), 2, horizon_days)


def _pairs(cases: Cases) -> list[tuple[int, int]]:
    return list(zip(map(int, cases.rows), map(int, cases.columns), strict=True))
