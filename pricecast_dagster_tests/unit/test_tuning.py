"""Tuning: what trials may look at, what they may change."""

import logging
from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pytest

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.model import forecast, refit, train
from pricecast_dagster.forecasting.panel import Panel, build_panel
from pricecast_dagster.forecasting.promotion import held_out_rmse
from pricecast_dagster.forecasting.recipe import DIRECT_LEVEL, DIRECT_STEP, Kind, default_recipe
from pricecast_dagster.forecasting.samples import build_samples
from pricecast_dagster.forecasting.tuning import TRIALS_AT_A_TIME, WORTHWHILE_GAIN, Found, TuningPlan, search, tune
from pricecast_dagster.forecasting.validation import MOST_CUTS, cuts_of, track_rules
from pricecast_dagster.testing import tiny_panel
from pricecast_dagster_tests.accuracy.kinds import history_of

CALENDAR = HolidayCalendar("BR")
SPACE = {
    "n_estimators": (1, 1000),  # early stopping may end a trial before the least of the search space
    "learning_rate": (0.01, 0.3),
    "max_depth": (3, 12),
    "num_leaves": (20, 200),
    "min_child_samples": (10, 100),
    "subsample": (0.6, 1.0),
    "colsample_bytree": (0.6, 1.0),
    "reg_alpha": (1e-8, 10.0),
    "reg_lambda": (1e-8, 10.0),
}


def product(kind: str, seed: int = 1) -> Panel:
    return build_panel(history_of(kind, 1, seed))


@pytest.mark.parametrize(("member", "kind"), [(DIRECT_STEP, "high_low"), (DIRECT_LEVEL, "till_average")])
def test_what_is_found_lies_within_the_search_space(member, kind):
    samples = build_samples(product(kind, seed=2), CALENDAR, default_recipe())
    found = search(samples, default_recipe(), member, TuningPlan(6), 1)
    assert found.trials == 6
    assert found.error_found < found.error_given
    values = asdict(found.booster)
    assert values.pop("objective") == default_recipe().learners[member].booster.objective
    assert set(values) == set(SPACE)
    for name, (lowest, highest) in SPACE.items():
        assert lowest <= values[name] <= highest, name


def test_the_same_seed_finds_the_same_and_another_looks_elsewhere():
    samples = build_samples(product("till_average"), CALENDAR, default_recipe())
    found = [search(samples, default_recipe(), DIRECT_LEVEL, TuningPlan(5), seed) for seed in (3, 3, 4)]
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_trials_see_nothing_of_the_days_on_which_their_find_is_proven():
    history = product("till_average")
    recipe = default_recipe()
    samples = build_samples(history, CALENDAR, recipe)
    cut = cuts_of(history, MOST_CUTS[Kind.NOISY])[0]
    later = history.price.copy()
    later[:, cut + 1 :] *= 3.0
    changed = build_samples(Panel(history.skus, history.first_day, later, history.quantity, history.observed), CALENDAR, recipe)
    plan = TuningPlan(4)
    assert search(samples.cut(cut), recipe, DIRECT_LEVEL, plan, 1) == search(changed.cut(cut), recipe, DIRECT_LEVEL, plan, 1)


@pytest.mark.parametrize("kind", ["till_average", "shelf"])
def test_tuning_never_returns_a_recipe_that_is_worse_on_the_days_it_did_not_see(kind):
    history = product(kind, seed=5)
    recipe = default_recipe()
    samples = build_samples(history, CALENDAR, recipe)
    track = track_rules(history, CALENDAR, recipe)
    told = tune(samples, track, CALENDAR, recipe, TuningPlan(8), 1)
    tuned = told.recipe
    before, after = (held_out_rmse(samples, track, CALENDAR, each, 1) for each in (recipe, tuned))
    assert after <= before
    if "not tuned" not in told.told["reason"]:
        assert told.told["rmse_given"] == before
        assert (tuned == recipe) == ("the given recipe stays" in told.told["reason"])


@pytest.mark.parametrize("seed", range(2, 6))
def test_other_hyperparameters_are_taken_only_for_a_gain_worth_having_on_days_they_did_not_see(seed):
    recipe = default_recipe()
    history = product("till_average", seed)
    samples = build_samples(history, CALENDAR, recipe)
    tuned = tune(samples, track_rules(history, CALENDAR, recipe), CALENDAR, recipe, TuningPlan(TRIALS_AT_A_TIME), 1)
    settings = [each.learners[DIRECT_LEVEL].booster for each in (recipe, tuned.recipe)]
    gain = 1 - tuned.told["rmse_found"] / tuned.told["rmse_given"]
    assert settings[0] == settings[1] or gain >= WORTHWHILE_GAIN
    assert tuned.recipe == recipe or gain >= 0


@pytest.mark.parametrize(
    "prices",
    [[7.0] * 120, np.linspace(5, 6, 61).round(2).tolist(), [*[5.0, 6.0] * 7, *[None] * 100, 5.0]],
    ids=["flat", "short", "gap"],
)
def test_tuning_on_little_or_nothing_leaves_the_recipe_or_improves_it_and_trains(prices):
    history = tiny_panel({"A": prices})
    model = train(history, CALENDAR, tuning=TuningPlan(2), seed=1)
    assert np.isfinite(forecast([model], history, CALENDAR, 14).price).all()


def test_a_price_that_is_forecast_without_error_is_not_tuned():
    history = tiny_panel({"A": [10.0] * 60 + [12.5] * 120})
    model = train(history, CALENDAR, tuning=TuningPlan(3), seed=1)
    assert model.facts["tuning"] == {"reason": "not tuned: the given recipe makes no error that could be less", "trials": 0}


def test_what_is_no_better_in_the_folds_than_the_given_recipe_is_not_found():
    recipe = default_recipe()
    samples = build_samples(product("till_average", seed=2), CALENDAR, recipe)
    best = search(samples, recipe, DIRECT_LEVEL, TuningPlan(30), 1).booster
    again = search(samples, recipe.with_booster(DIRECT_LEVEL, best), DIRECT_LEVEL, TuningPlan(1), 1)
    assert again.error_given < again.error_found
    assert again.booster is None


@pytest.mark.parametrize(("kind", "member"), [("till_average", DIRECT_LEVEL), ("campaign", DIRECT_STEP)])
def test_a_search_ends_where_ten_trials_gain_next_to_nothing_on_what_was_known(kind, member):
    samples = build_samples(product(kind), CALENDAR, default_recipe())

    def searched(trials: int) -> Found:
        found = search(samples, default_recipe(), member, TuningPlan(trials), 1)
        assert found is not None
        return found

    # The same seed tries the same trials, so a shorter search is the beginning of a longer one.
    searches = [searched(trials) for trials in range(TRIALS_AT_A_TIME, 51, TRIALS_AT_A_TIME)]
    known = [searches[0].error_given, *(found.error_found for found in searches)]
    gains = [1 - after / before for before, after in pairwise(known)]
    blocks = next((number for number, gain in enumerate(gains, start=1) if gain < WORTHWHILE_GAIN), len(gains))
    assert searched(50).trials == blocks * TRIALS_AT_A_TIME
    assert searched(5).trials == 5


def test_what_tuning_did_is_in_the_facts_and_is_carried_on_by_a_refit():
    history = product("till_average", seed=5)
    model = train(history, CALENDAR, tuning=TuningPlan(2), seed=1)
    told = model.facts["tuning"]
    assert told["trials"] == 2
    assert set(told["selected"]) == set(model.recipe.by_kind[Kind.NOISY])
    assert refit(history, CALENDAR, model, seed=1).facts["tuning"] == told
    untuned = train(history, CALENDAR, tuning=None, seed=1)
    assert untuned.facts["tuning"] == {"reason": "not asked for", "trials": 0}


def test_tuning_is_quiet(capfd, caplog):
    samples = build_samples(product("shelf"), CALENDAR, default_recipe())
    with caplog.at_level(logging.INFO):
        search(samples, default_recipe(), DIRECT_STEP, TuningPlan(3), 1)
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


@pytest.mark.parametrize("kind", ["till_average", "high_low"])
def test_what_was_rehearsed_on_the_way_gives_the_model_that_a_training_from_nothing_gives(kind):
    history = product(kind, seed=2)
    tuned = train(history, CALENDAR, tuning=TuningPlan(6), seed=1)
    again = train(history, CALENDAR, tuning=None, recipe=tuned.recipe, seed=1)
    assert tuned.texts == again.texts
    assert tuned.facts | {"tuning": None} == again.facts | {"tuning": None}
    for name, array in again.arrays.items():
        assert tuned.arrays[name].tobytes() == array.tobytes(), name
