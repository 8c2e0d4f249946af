"""A model that comes out of the store is the model that went in: it forecasts and explains the same, to the bit."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.explain import explain
from pricecast_dagster.forecasting.model import Model, forecast, refit, train
from pricecast_dagster.forecasting.panel import Panel, build_panel
from pricecast_dagster.forecasting.recipe import default_recipe
from pricecast_dagster.stages.bundles import Origin, load_model, store_model
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.testing import tiny_panel
from pricecast_dagster_tests.accuracy.kinds import KINDS, history_of
from pricecast_dagster_tests.shop import open_shop

CALENDAR = HolidayCalendar("BR")
NOW = datetime(2026, 7, 1, tzinfo=UTC)
ORIGIN = Origin("A", "asked for", "the first model", "", 1, "trained", 0, None, "", "", "")


@pytest.fixture
def context(tmp_path: Path) -> StageContext:
    return open_shop(tmp_path, products=1).context()


def products_of(kind: str, count: int = 4) -> list[Panel]:
    panel = build_panel(history_of(kind, count, seed=3))
    return [panel.select([row]).lifetime() for row in range(count)]


def bytes_of(model: Model, history: Panel) -> list[bytes]:
    made = forecast([model], history, CALENDAR, 60)
    told = explain(model, history, CALENDAR, 14)
    parts = (made.price, made.lower_80, made.upper_80, made.lower_95, made.upper_95, told.price, told.settling)
    return [part.tobytes() for part in parts]


def kept(context: StageContext, model: Model, at: datetime) -> Model:
    return load_model(context, "A", store_model(context, model, ORIGIN, at).version)


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_kind_of_price_it_is(context: StageContext, kind: str) -> None:
    for number, history in enumerate(products_of(kind)):
        before = history.until(history.days[-8])
        model = train(before, CALENDAR, tuning=None, seed=1)
        loaded = kept(context, model, NOW + timedelta(seconds=number))
        assert bytes_of(loaded, before) == bytes_of(model, before)
        # The price may stand on the other side of the one before by now.
        assert bytes_of(loaded, history) == bytes_of(model, history)
        again = (refit(history, CALENDAR, one, seed=2) for one in (model, loaded))
        one, other = (bytes_of(refitted, history) for refitted in again)
        assert one == other


def test_with_every_member_that_there_is(context: StageContext) -> None:
    history = products_of("till_average", 1)[0]
    recipe = default_recipe().with_members(("ridge", "theta", "seasonal_mean", "extra_trees"))
    model = train(history, CALENDAR, tuning=None, recipe=recipe, seed=1)
    assert bytes_of(kept(context, model, NOW), history) == bytes_of(model, history)


@pytest.mark.parametrize("seed", range(3))
def test_of_prices_that_go_up_and_down_about_the_one_before(context: StageContext, seed: int) -> None:
    prices = np.random.default_rng(seed).choice([5.0, 6.0, 7.0], 150)

    history = tiny_panel({"A": prices.tolist()})
    model = train(history, CALENDAR, tuning=None, seed=1)
    loaded = kept(context, model, NOW)
    for days in range(120, 150):
        known = history.until(history.days[days - 1])
        assert bytes_of(loaded, known) == bytes_of(model, known)
