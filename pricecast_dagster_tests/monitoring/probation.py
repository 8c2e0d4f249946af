"""Probation in memory: the champion of before a promotion, carried on beside its successor until that has shown itself.

Belongs here: what it would have served, and whether its successor does worse, by the monitor's own test. Not here: the shop's
trials, which are rows of its database (`operations.trials`), and what follows (`simulation`).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting import sequential
from pricecast_dagster.forecasting.model import Model
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster_tests.monitoring.carrying import CARRIED_ON_DAYS, HORIZON, ahead, carry_on, seed_of
from pricecast_dagster_tests.monitoring.truth import Truth

PROBATION_DAYS: Final = 28


@dataclass
class Predecessor:
    """The model of before; `began` is the day of the promotion, `carried` that of the last refit, `price` is (days, h)."""

    model: Model
    began: int
    carried: int
    price: NDArray[np.float64]


def begin(truth: Truth, model: Model, number: int, day: int) -> Predecessor:
    """Probation from a day on, on which the model was still the champion."""
    predecessor = Predecessor(model, day, day, np.full((truth.panel.n_days, HORIZON), np.nan))
    carry(predecessor, truth, number, day)
    return predecessor


def carry(predecessor: Predecessor, truth: Truth, number: int, day: int) -> None:
    """With the rows of a day, as its successor is."""
    history = truth.known_on(day).select([number])
    predecessor.model = carry_on(history, predecessor.model, seed=seed_of(truth, number))
    predecessor.carried = day
    origins, done = ahead(truth, predecessor.model, number, day)
    predecessor.price[origins] = done.price


def succeeded_by_worse(predecessor: Predecessor, truth: Truth, number: int, day: int, served: NDArray[np.float64]) -> bool:
    """Whether its successor is proven worse by the prices until a day.

    Args:
        served: (days, h) what the successor served.
    """
    if day - predecessor.carried >= CARRIED_ON_DAYS:
        carry(predecessor, truth, number, day)
    history = truth.known_on(day).select([number])
    origins = np.arange(predecessor.began, day + 1)
    mine, its = (errors_by_day(history, price[origins], origins) for price in (predecessor.price, served))
    return sequential.compare(its, mine).proves()


def errors_by_day(history: Panel, forecasts: NDArray[np.float64], origins: NDArray[np.intp]) -> NDArray[np.float64]:
    """(days, h) errors of the days after the first origin, up to the last one, by days ahead; NaN where there was no forecast."""
    days = np.arange(int(origins[0]) + 1, int(origins[-1]) + 1)
    errors = np.full((len(days), HORIZON), np.nan)
    for days_ahead in range(1, HORIZON + 1):
        made = days - days_ahead - int(origins[0])
        usable = made >= 0
        errors[usable, days_ahead - 1] = forecasts[made[usable], days_ahead - 1] - history.price[0, days[usable]]
    return errors
