"""A product replayed from origin to origin: when its model is fitted again, and what stands between."""

from collections.abc import Iterator
from datetime import date
from statistics import median

import numpy as np
import pytest

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.forecasts import Forecasts
from pricecast_dagster.forecasting.model import Model, forecast, refit, train
from pricecast_dagster.forecasting.panel import Panel, build_panel
from pricecast_dagster.operations.replay import Cut, Unit, replay
from pricecast_dagster.testing import tiny_panel
from pricecast_dagster_tests.accuracy.kinds import history_of

CALENDAR = HolidayCalendar("BR")
HORIZON_DAYS = 10


def cuts(history: Panel, *, count: int, step_days: int) -> tuple[Cut, ...]:
    columns = history.n_days - 1 - HORIZON_DAYS - step_days * np.arange(count)[::-1]
    return tuple(Cut(history.days[column].astype(date), history.until(history.days[column]), int(column)) for column in columns)


def unit(chain: tuple[Cut, ...], refit_every_days: int, *, minimum_history_days: int = 60) -> Unit:
    return Unit(chain, HORIZON_DAYS, 0, refit_every_days, minimum_history_days, CALENDAR)


def by_hand(chain: tuple[Cut, ...], refit_every_days: int) -> Iterator[Forecasts]:
    """The rule in plain words: train first; fit again when the days have passed, weighing again after two weeks or a jump.

    A jump leads away from the day before and from the usual price. One that stays would have it weighed again sooner
    (`stages/test_weights`); here none does.
    """
    model: Model | None = None
    fitted_on = weighed_on = chain[0].origin
    for cut in chain:
        if model is None:
            model = train(cut.panel, CALENDAR, tuning=None, seed=cut.seed)
        elif (cut.origin - fitted_on).days >= refit_every_days:
            prices = cut.panel.price[0].tolist()
            jump = max(
                min(abs(prices[-back] - prices[-back - 1]), abs(prices[-back] - median(prices[-back - 28 : -back])))
                for back in range(1, (cut.origin - weighed_on).days + 1)
            )
            if (cut.origin - weighed_on).days < 14 and jump <= model.reaches[:, 1, :, 13].max():
                model = refit(cut.panel, CALENDAR, model, seed=cut.seed)
            else:
                model = train(cut.panel, CALENDAR, tuning=None, recipe=model.recipe, seed=cut.seed)
                weighed_on = cut.origin
            fitted_on = cut.origin
        yield forecast([model], cut.panel, CALENDAR, HORIZON_DAYS, at_end=True)


@pytest.mark.parametrize("refit_every_days", [1, 14, 100])
def test_a_model_is_fitted_again_when_its_days_have_passed_and_stands_until_then(refit_every_days: int) -> None:
    prices = 20 + np.random.default_rng(4).normal(0, 1, 200)
    chain = cuts(tiny_panel({"A": prices.round(2).tolist()}), count=4, step_days=7)
    replayed, expected = replay(unit(chain, refit_every_days)), list(by_hand(chain, refit_every_days))
    for own, other in zip(replayed, expected, strict=True):
        assert own.price.tobytes() == other.price.tobytes()
        assert own.lower_80.tobytes() == other.lower_80.tobytes()
        assert (own.origins == other.origins).all()


def test_fitting_again_seldom_is_not_fitting_again_often() -> None:
    chain = cuts(build_panel(history_of("till_average", 1, 2)), count=3, step_days=14)
    often, seldom = (np.concatenate([each.price for each in replay(unit(chain, days))]) for days in (1, 100))
    assert (often[0] == seldom[0]).all()
    assert (often != seldom).any()


def test_an_origin_is_answered_from_earlier_ones_alone() -> None:
    chain = cuts(build_panel(history_of("till_average", 1, 2)), count=3, step_days=14)
    together = replay(unit(chain, 28))
    for number in range(1, len(chain) + 1):
        assert replay(unit(chain[:number], 28))[-1].price.tobytes() == together[number - 1].price.tobytes()


def test_a_product_too_young_for_a_model_is_answered_simply_until_it_is_not() -> None:
    history = tiny_panel({"A": [5.0, 6.0, 7.0] * 30})
    chain = cuts(history, count=4, step_days=10)
    names = [one.model_used[0] for one in replay(unit(chain, 1, minimum_history_days=65))]
    assert names[:2] == ["MovingAverage_SES"] * 2
    assert names[2:] == ["LightGBM"] * 2
