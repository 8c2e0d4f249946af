"""The contest of two recipes."""

import numpy as np
import pytest

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.promotion import compare, decide
from pricecast_dagster.forecasting.recipe import DIRECT_STEP, Kind, default_recipe
from pricecast_dagster.testing import tiny_panel

CALENDAR = HolidayCalendar("BR")


def test_the_first_model_of_a_product_is_champion():
    assert decide(3.0, None).promote


def test_a_better_challenger_is_promoted_and_told_by_both_errors():
    decision = decide(1.5, 2.0)
    assert decision.promote
    assert "1.5" in decision.reason
    assert "2" in decision.reason


def test_of_equals_the_champion_stays():
    decision = decide(2.0, 2.0)
    assert not decision.promote
    assert decision.reason.startswith("champion stays")


def test_a_gain_within_the_tolerance_is_too_small_to_change_for():
    assert not decide(1.99, 2.0, tolerance=0.01).promote
    assert decide(1.97, 2.0, tolerance=0.01).promote


@pytest.mark.parametrize("score", [float("nan"), float("inf"), -1.0])
def test_what_cannot_be_scored_is_never_promoted_silently(score):
    with pytest.raises(ValueError, match="finite"):
        decide(score, 1.0)
    with pytest.raises(ValueError, match="finite"):
        decide(1.0, score)


def weekly_promotions(days: int = 150) -> list[float]:
    """Three days of every ten at 8 instead of 10."""
    return [8.0 if day % 10 < 3 else 10.0 for day in range(days)]


def rising_through_the_week(days: int) -> list[float]:
    """Till averages that climb through every week, in some noise: the weekday tells the price."""
    noise = np.random.default_rng(0).normal(0, 0.3, days)
    return np.round(8 + 0.5 * (np.arange(days) % 7) + noise, 2).tolist()


def test_a_recipe_that_learns_the_pattern_beats_one_that_learns_nothing():
    history = tiny_panel({"A": rising_through_the_week(400)})
    good = lame = default_recipe()
    for learner in good.by_kind[Kind.NOISY]:
        lame = lame.with_features(learner, ("is_holiday",))
    decision = compare(history, CALENDAR, lame, good, seed=1)
    assert decision.promote, decision.reason
    back = compare(history, CALENDAR, good, lame, seed=1)
    assert not back.promote
    assert (back.champion_rmse, back.challenger_rmse) == (decision.challenger_rmse, decision.champion_rmse)


def test_the_same_recipe_is_no_challenger():
    history = tiny_panel({"A": weekly_promotions()})
    assert not compare(history, CALENDAR, default_recipe(), default_recipe(), seed=1).promote


def test_without_days_to_hold_out_the_champion_stays():
    history = tiny_panel({"A": np.linspace(5, 6, 20).tolist()})
    lame = default_recipe().with_features(DIRECT_STEP, ())
    assert not compare(history, CALENDAR, default_recipe(), lame, seed=1).promote
