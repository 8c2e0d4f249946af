"""The model of a SKU: trained, refitted, asked."""

import json

import numpy as np
import pandas as pd
import pytest

from pricecast_dagster.errors import ForecastError, SkuTooShortError
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.fallback import fallback
from pricecast_dagster.forecasting.model import Model, forecast, refit, train
from pricecast_dagster.forecasting.panel import Panel, build_panel
from pricecast_dagster.forecasting.recipe import Recipe
from pricecast_dagster.schemas import BACKTEST_COLUMNS, forecast_schema
from pricecast_dagster.testing import tiny_panel
from pricecast_dagster_tests.accuracy.kinds import history_of

CALENDAR = HolidayCalendar("BR")


def product(kind: str, seed: int = 1) -> Panel:
    return build_panel(history_of(kind, 1, seed))


def trained(history: Panel, seed: int = 1) -> Model:
    return train(history, CALENDAR, tuning=None, seed=seed)


@pytest.mark.parametrize("kind", ["till_average", "shelf", "constant", "wholesale"])
def test_a_model_comes_back_whole_from_texts_arrays_and_json(kind):
    history = product(kind)
    model = trained(history)
    facts = json.loads(json.dumps(model.facts, allow_nan=False))
    recipe = Recipe.from_json(json.loads(json.dumps(model.recipe.to_json())))
    again = Model(recipe, dict(model.texts), dict(model.arrays), facts)
    assert recipe == model.recipe
    one, other = (forecast([each], history, CALENDAR, 30) for each in (model, again))
    np.testing.assert_array_equal(one.price, other.price)
    np.testing.assert_array_equal(one.upper_95, other.upper_95)
    assert refit(history, CALENDAR, again, seed=1).texts == model.texts


@pytest.mark.parametrize("kind", ["till_average", "shelf"])
def test_the_same_history_and_seed_give_the_same_bytes(kind):
    history = product(kind)
    one, other = trained(history), trained(history)
    assert one.texts == other.texts
    assert one.facts == other.facts
    assert trained(product("till_average"), seed=2).texts != trained(product("till_average"), seed=1).texts


def test_a_price_that_never_moved_is_forecast_to_the_cent_without_any_booster():
    history = tiny_panel({"A": [19.9] * 100})
    model = trained(history)
    assert model.texts == {}
    assert (forecast([model], history, CALENDAR, 60).price == 19.9).all()


def test_a_price_that_moved_once_long_ago_stays_where_it_is():
    history = tiny_panel({"A": [10.0] * 60 + [12.5] * 120})
    assert (forecast([trained(history)], history, CALENDAR, 60).price == 12.5).all()


@pytest.mark.parametrize("kind", ["till_average", "shelf", "vegetable", "campaign"])
def test_forecasts_stay_within_the_prices_of_the_last_month(kind):
    history = product(kind)
    price = forecast([trained(history)], history, CALENDAR, 60).price[0]
    month = history.price[0, -30:]
    assert month.min() <= price.min()
    assert price.max() <= month.max()


def test_products_are_forecast_the_same_bytes_alone_and_in_any_batch_and_order():
    frames = [history_of(kind, 2, 3) for kind in ("till_average", "shelf", "constant", "wholesale")]
    singles = [build_panel(frame[frame["sku"] == sku]) for frame in frames for sku in frame["sku"].unique()]
    models = [trained(single) for single in singles]
    alone = {single.skus[0]: forecast([model], single, CALENDAR, 30) for single, model in zip(singles, models, strict=True)}
    everything = build_panel(pd.concat(frames, ignore_index=True))
    by_sku = {single.skus[0]: model for single, model in zip(singles, models, strict=True)}
    for order in (list(range(8)), [5, 2, 7, 0, 1, 6, 3, 4], [6, 3]):
        batch = everything.select(order)
        together = forecast([by_sku[sku] for sku in batch.skus], batch, CALENDAR, 30)
        assert together.skus == batch.skus
        for position, sku in enumerate(batch.skus):
            np.testing.assert_array_equal(together.price[position], alone[sku].price[0])
            np.testing.assert_array_equal(together.lower_80[position], alone[sku].lower_80[0])
            assert together.origins[position] == alone[sku].origins[0]


def test_a_refit_on_the_same_history_is_the_model_itself():
    history = product("till_average")
    model = trained(history)
    again = refit(history, CALENDAR, model, seed=1)
    assert again.texts == model.texts
    assert again.facts == model.facts


def test_a_refit_on_new_days_moves_on_and_keeps_what_was_weighed():
    history = product("till_average")
    earlier = trained(history.until(history.days[-8]))
    later = refit(history, CALENDAR, earlier, seed=1)
    assert later.facts["blend"] == earlier.facts["blend"]
    assert later.facts["weighed_until"] == earlier.facts["weighed_until"]
    assert later.facts["trained_until"] == str(history.days[history.last[0]])
    assert later.texts != earlier.texts


def test_a_short_history_is_refused_with_the_day_from_which_a_model_is_possible():
    history = tiny_panel({"A-17": [5.0, 6.0] * 6}, first_day="2026-01-01")
    with pytest.raises(SkuTooShortError, match=r"'A-17' has 12 days of history; a model needs 60.*until 2026-03-01"):
        trained(history)


def test_the_minimum_of_days_is_the_callers():
    history = tiny_panel({"A": np.random.default_rng(1).integers(5, 9, 40).astype(float).tolist()})
    model = train(history, CALENDAR, tuning=None, seed=1, minimum_history_days=40)
    assert forecast([model], history, CALENDAR, 14).price.shape == (1, 14)


def test_a_broken_model_is_refused_alone_and_the_others_go_on():
    histories = [product("till_average"), product("shelf")]
    both = build_panel(pd.concat([history_of("till_average", 1, 1), history_of("shelf", 1, 1)]))
    models = [trained(history) for history in histories]
    models[0].facts["members"]["smoothing"]["level_30"] = float("nan")
    forecasts = forecast(models, both, CALENDAR, 14)
    assert forecasts.skus == both.skus[1:]
    assert isinstance(forecasts.refused[both.skus[0]], ForecastError)


@pytest.mark.parametrize("days", [0, 61, -1])
def test_a_horizon_that_nothing_is_trained_for_is_refused(days):
    history = tiny_panel({"A": [1.0] * 60})
    with pytest.raises(ForecastError, match="1 to 60"):
        forecast([trained(history)], history, CALENDAR, days)


def test_facts_tell_counts_scores_weights_and_coverage():
    history = product("till_average", seed=2)
    facts = trained(history).facts
    observed = int(history.observed.sum())
    assert facts["training_samples"] + facts["validation_samples"] == observed
    assert facts["features_count"] == len(facts["features"]) == 45
    assert set(facts["features_by_member"]) == {"autoregressive", "direct_step", "direct_level"}
    assert {"rmse", "mae", "mape", "rmse_multi", "mae_multi", "wape", "mase", "rmsse", "ratio_to_best_simple"} <= set(
        facts["metrics"]
    )
    assert 0.6 < facts["coverage"]["80"] < 0.97
    assert facts["coverage"]["80"] <= facts["coverage"]["95"] <= 1
    assert facts["member_errors"]["smoothing"] < facts["member_errors"]["last_value"]
    assert facts["metrics"]["ratio_to_last_value"] < 0.9


def test_features_are_those_of_the_learners_that_a_kind_of_price_has():
    facts = trained(product("shelf")).facts
    assert set(facts["features_by_member"]) == {"direct_step"}
    assert facts["features"] == facts["features_by_member"]["direct_step"]
    assert not any(name.startswith("quantity") for name in facts["features"])


def test_a_forecast_as_rows_fits_the_schema_of_stored_forecasts():
    history = product("shelf")
    frame = forecast([trained(history)], history, CALENDAR, 14).to_frame()
    assert tuple(frame.columns) == BACKTEST_COLUMNS
    forecast_schema().validate(frame.drop(columns=["origin", "model_used"]))


def test_the_fallback_answers_for_everything_that_has_a_price_and_names_itself():
    history = tiny_panel({"long": [5.0, 6.0] * 20, "one": [*[None] * 39, 7.0], "flat": [3.0] * 40})
    answer = fallback(history, 14)
    assert answer.skus == ("long", "one", "flat")
    assert set(answer.model_used) <= {"MovingAverage_SES", "MovingAverage_7d", "LastValue"}
    assert (answer.price[2] == 3.0).all()
    assert (answer.price[1] == 7.0).all()
    assert (answer.lower_95 <= answer.lower_80).all()
    assert (answer.lower_80 <= answer.price).all()
    assert (answer.upper_80 <= answer.upper_95).all()
    assert not answer.refused


def test_the_fallback_refuses_only_who_never_had_a_price():
    history = tiny_panel({"A": [4.0] * 10, "late": [*[None] * 9, 4.0]}).until("2026-01-05")
    answer = fallback(history, 5)
    assert answer.skus == ("A",)
    assert set(answer.refused) == {"late"}


def test_two_prices_far_apart_are_no_history():
    prices = [5.0, *[None] * 80, 7.0]
    with pytest.raises(SkuTooShortError, match=r"prices on 2 of its 82 days; a model needs 15"):
        train(tiny_panel({"A": prices}), CALENDAR, tuning=None, seed=1)
