"""Carrying a model on: what a shop's refresh makes of it with new rows or a request, and what it forecasts until the next one.

Belongs here: one product's model from one day to another. Not here: when that happens and what is kept (`simulation`).
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.forecasts import Forecasts
from pricecast_dagster.forecasting.model import Model, forecast, refit, train
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.promotion import compare
from pricecast_dagster.forecasting.tuning import TuningPlan
from pricecast_dagster.stages.weights import remember, weigh_again
from pricecast_dagster_tests.monitoring.truth import Truth

HORIZON: Final = 14
CARRIED_ON_DAYS: Final = 7
CALENDAR: Final = HolidayCalendar("BR")


def study(history: Panel, champion: Model, trials: int, seed: int) -> tuple[Model, bool]:
    """What a retrain request does: a new recipe against the champion's; the better one, weighed again, and whether it is new."""
    challenger = train(history, CALENDAR, tuning=TuningPlan(trials), seed=seed)
    if challenger.recipe == champion.recipe:
        # The same recipe again, weighed on the same days: a comparison would end in a tie and this very model.
        return remember(challenger, history, champion), False
    if compare(history, CALENDAR, champion.recipe, challenger.recipe, seed=seed).promote:
        return remember(challenger, history, champion), True
    return weigh(history, champion, seed), False


def weigh(history: Panel, champion: Model, seed: int) -> Model:
    """The champion's recipe, with weights and bands made again."""
    return remember(train(history, CALENDAR, tuning=None, recipe=champion.recipe, seed=seed), history, champion)


def carry_on(history: Panel, champion: Model, seed: int) -> Model:
    """What new data do: a refit, or weights and bands made again where they are old or have been surprised."""
    if weigh_again(history, champion):
        return weigh(history, champion, seed)
    return remember(refit(history, CALENDAR, champion, seed=seed), history, champion)


def seed_of(truth: Truth, number: int, day: int = 0) -> int:
    """Of a product, whatever it is served together with."""
    return day * 1000 + int(truth.panel.skus[number].removeprefix("P"))


def ahead(truth: Truth, model: Model, number: int, day: int) -> tuple[NDArray[np.intp], Forecasts]:
    """Forecasts of one model from a day on, until it is surely carried on, and their origins; each knows its own past only."""
    whole = truth.panel.select([number])
    price = np.concatenate([truth.known_on(day).price[number], whole.price[0, day + 1 :]])
    origins = np.arange(day, min(day + CARRIED_ON_DAYS, whole.n_days))
    return origins, forecast_from(replace(whole, price=price[None, :]), model, origins)


def forecast_from(history: Panel, model: Model, origins: NDArray[np.intp]) -> Forecasts:
    """Forecasts of one product's model from many of its days at once.

    A panel's origin is a product's last observed day; so the product is repeated, observed up to each origin.
    """
    first = max(int(origins[0]) - 400, 0)
    panel = Panel(
        tuple(f"{origin}" for origin in origins),
        history.days[first],
        np.tile(history.price[0, first:], (len(origins), 1)),
        np.tile(history.quantity[0, first:], (len(origins), 1)),
        np.arange(first, history.n_days) <= origins[:, None],
    )
    return forecast([model] * len(origins), panel, CALENDAR, HORIZON)
