"""Feature selection: what is kept, by what, and that it costs nothing in the folds."""

import numpy as np
import pytest

from pricecast_dagster.forecasting import booster
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.model import forecast, train
from pricecast_dagster.forecasting.panel import Panel, build_panel
from pricecast_dagster.forecasting.recipe import AUTOREGRESSIVE, DIRECT_LEVEL, DIRECT_STEP, default_recipe
from pricecast_dagster.forecasting.selection import FEWEST, KEPT_SHARE, importance_of, select, strongest
from pricecast_dagster.forecasting.tuning import TuningPlan
from pricecast_dagster.schemas import FEATURE_COLUMNS
from pricecast_dagster.testing import tiny_panel
from pricecast_dagster_tests.accuracy.kinds import history_of

CALENDAR = HolidayCalendar("BR")
LEARNERS = (AUTOREGRESSIVE, DIRECT_STEP, DIRECT_LEVEL)


def weekly() -> Panel:
    """Dearer at weekends, with noise: the weekday says nearly everything."""
    days = np.arange(260)
    noise = np.random.default_rng(3).normal(0, 0.3, len(days))
    return tiny_panel({"weekly": np.round(20 + 3 * (days % 7 >= 5) + noise, 2).tolist()})


def test_the_strongest_features_that_carry_the_share_are_kept_in_their_usual_order() -> None:
    importance = np.zeros(len(FEATURE_COLUMNS))
    importance[[40, 3, 20, 11, 7, 30]] = [50, 30, 10, 4, 3, 3]
    kept = strongest(importance, FEATURE_COLUMNS)
    assert kept == tuple(FEATURE_COLUMNS[column] for column in (3, 7, 11, 20, 40))
    assert importance[[3, 7, 11, 20, 40]].sum() >= KEPT_SHARE * importance.sum()


def test_what_was_not_offered_is_never_kept_and_some_always_are() -> None:
    importance = np.zeros(len(FEATURE_COLUMNS))
    importance[0] = 100.0
    offered = FEATURE_COLUMNS[1:20]
    assert set(strongest(importance, offered)) <= set(offered)
    assert len(strongest(importance, FEATURE_COLUMNS)) == FEWEST


def test_importance_is_the_mean_absolute_share_over_all_predictions() -> None:
    shares = [np.zeros((2, 46)), np.zeros((1, 48))]
    shares[0][:, 5] = [1.0, -3.0]
    shares[1][0, 5] = 5.0
    shares[1][0, 46] = 9.0  # a direct learner's own two features are no columns of the feature table
    heard: booster.Heard = [(np.zeros((len(each), each.shape[1] - 1)), each) for each in shares]
    assert importance_of(heard)[5] == pytest.approx(3.0)
    assert importance_of(heard).sum() == pytest.approx(3.0)


def test_the_weekday_survives_where_it_says_nearly_everything() -> None:
    found = select(weekly(), CALENDAR, default_recipe(), LEARNERS, seed=1)
    assert set(found) == set(LEARNERS)
    for outcome in found.values():
        assert {"day_of_week", "is_weekend"} & set(outcome.features)


@pytest.mark.parametrize("kind", ["till_average", "high_low"])
def test_features_are_left_out_only_where_the_folds_are_forecast_as_well_without_them(kind: str) -> None:
    recipe = default_recipe()
    found = select(build_panel(history_of(kind, 1, 4)), CALENDAR, recipe, LEARNERS, seed=1)
    for name, outcome in found.items():
        assert outcome.offered == len(recipe.learners[name].features)
        assert len(outcome.features) == outcome.offered or outcome.rmse_kept <= outcome.rmse_all


@pytest.mark.parametrize("prices", [[7.0] * 200, [5.0, 6.0] * 25], ids=["never moved", "short"])
def test_a_history_that_says_nothing_about_features_selects_none(prices: list[float]) -> None:
    assert select(tiny_panel({"A": prices}), CALENDAR, default_recipe(), LEARNERS, seed=1) == {}


def test_a_tuned_model_with_fewer_features_says_which_and_does_not_look_at_others() -> None:
    history = weekly()
    model = train(history, CALENDAR, tuning=TuningPlan(2), seed=1)
    for name, own in model.facts["features_by_member"].items():
        assert own == list(model.recipe.learners[name].features)
        used = booster_features(model.texts[name]) if name in model.texts else set()
        hidden = {FEATURE_COLUMNS.index(feature) for feature in FEATURE_COLUMNS if feature not in own}
        assert not used & hidden
    assert model.facts["features_count"] == len({one for own in model.facts["features_by_member"].values() for one in own})
    assert np.isfinite(forecast([model], history, CALENDAR, 30).price).all()


def booster_features(text: str) -> set[int]:
    """The columns that a booster's trees split on, read from LightGBM's text form."""
    lines = [line for line in text.splitlines() if line.startswith("split_feature=")]
    return {int(column) for line in lines for column in line.removeprefix("split_feature=").split()}
