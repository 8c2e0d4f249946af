"""A forecast taken apart: the parts add up, and they are what the trees say."""

import numpy as np
import pytest

from pricecast_dagster.forecasting import booster
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.explain import NAMES, explain
from pricecast_dagster.forecasting.model import forecast, train
from pricecast_dagster.testing import tiny_panel

CALENDAR = HolidayCalendar("BR")


def test_the_parts_add_up_to_the_forecast_and_learners_have_their_say() -> None:
    # A weekly price with noise: learners that see the weekday are followed.
    days = np.arange(200)
    noise = np.random.default_rng(3).normal(0, 0.4, 200)
    panel = tiny_panel({"weekly": list(np.round(20 + 3 * (days % 7 >= 5) + noise, 2))})
    model = train(panel, CALENDAR, tuning=None, seed=1)
    found = explain(model, panel, CALENDAR, 10)
    assert found.effects.shape == found.values.shape == (10, len(NAMES))
    assert found.price == pytest.approx(forecast([model], panel, CALENDAR, 10).price[0])
    assert found.base + found.effects.sum(axis=1) == pytest.approx(found.price)
    assert np.abs(found.effects).sum() > 0
    assert np.isfinite(found.values[:, : len(NAMES) - 2]).any()


def test_predictions_are_overheard_only_within_the_block() -> None:
    features = np.random.default_rng(0).normal(size=(80, 3))
    settings = next(iter(train_settings()))
    text = booster.fit(features, features[:, 0], settings, seed=1)
    which = np.zeros(80, dtype=np.intp)
    before = booster.Boosters([text]).predict(which, features)
    with booster.overheard() as heard:
        assert booster.Boosters([text]).predict(which, features).tobytes() == before.tobytes()
    booster.Boosters([text]).predict(which, features)
    ((rows, shares),) = heard
    assert rows.shape == (80, 3)
    assert shares.sum(axis=1) == pytest.approx(before)


def train_settings() -> list[booster.BoosterSettings]:
    from pricecast_dagster.forecasting.recipe import default_recipe

    return [learner.booster for learner in default_recipe().learners.values()]
