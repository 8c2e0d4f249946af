"""The rules, the budget, and the comparison of two models that may be looked at every day."""

import numpy as np
import pytest

from pricecast_dagster.errors import SettingsError
from pricecast_dagster.forecasting.policy import Rule, judge, within_budget
from pricecast_dagster.forecasting.promotion import HeldOut, decide_on_origins
from pricecast_dagster.forecasting.sequential import compare
from pricecast_dagster.settings import RETRAIN_LIMITS, load_settings


def test_a_product_is_due_by_the_rule_furthest_over_its_limit_and_all_over_theirs_are_told() -> None:
    signals = {Rule.AGE: np.array([200.0, 10.0]), Rule.SHIFT: np.array([3.0, 0.9]), Rule.NAIVE: np.array([np.nan, np.nan])}
    first, second = judge(signals, {Rule.AGE: 180.0, Rule.SHIFT: 1.0, Rule.NAIVE: 1.5})
    assert first is not None
    assert (first.rule, first.severity, sorted(first.evidence)) == (Rule.SHIFT, 3.0, ["age", "shift"])
    assert second is None


def test_corrected_rows_ask_for_no_new_recipe_whatever_else_was_measured_on_them() -> None:
    signals = {Rule.CORRECTION: np.array([0.06, 0.0]), Rule.NAIVE: np.array([3.0, 3.0])}
    corrected, other = judge(signals, {Rule.CORRECTION: 0.05, Rule.NAIVE: 1.5})
    assert corrected is not None
    assert other is not None
    assert (corrected.rule, corrected.contest) == (Rule.CORRECTION, False)
    assert sorted(corrected.evidence) == ["correction", "naive"]
    assert (other.rule, other.contest) == (Rule.NAIVE, True)


def test_a_rule_with_the_limit_0_is_off() -> None:
    assert judge({Rule.AGE: np.array([1e6])}, {Rule.AGE: 0.0}) == [None]


def test_the_budget_goes_to_the_worst_first_and_to_what_still_fits() -> None:
    assert within_budget([1.0, 5.0, 3.0, 2.0], [10, 60, 50, 40], 100) == [1, 3]
    assert within_budget([1.0, 1.0], [5, 5], 5) == [0]
    assert within_budget([1.0], [5], 4) == []


def test_settings_name_every_rule_and_keep_those_that_are_not_given() -> None:
    assert set(RETRAIN_LIMITS) == {rule.value for rule in Rule}
    assert load_settings(retrain={"age": 0}).retrain == {**RETRAIN_LIMITS, "age": 0}
    with pytest.raises(SettingsError, match="unknown rule"):
        load_settings(retrain={"moon": 1})


def overlapping(rng: np.random.Generator, days: int, size: float) -> np.ndarray:
    """(days, 14) errors whose noise is the day's, as all forecasts of a day miss the same price."""
    return rng.normal(size=(days, 1)) + size * rng.normal(size=(days, 14))


def test_of_equally_good_models_hardly_one_in_twenty_is_ever_called_worse() -> None:
    rng = np.random.default_rng(1)
    called = 0
    for _ in range(300):
        first, second = overlapping(rng, 28, 0.5), overlapping(rng, 28, 0.5)
        called += any(compare(first[:day], second[:day]).proves() for day in range(1, 29))
    assert called <= 0.05 * 300


def test_a_model_that_is_off_by_twice_as_much_is_called_worse_within_a_fortnight_and_a_better_one_never() -> None:
    rng = np.random.default_rng(2)
    noise = [rng.normal(size=(14, 14)) for _ in range(20)]
    assert all(compare(2 * errors, errors).proves() for errors in noise)
    assert not any(compare(errors, 2 * errors).proves() for errors in noise)


def held_out(squared: list[float], blocks: int) -> HeldOut:
    columns = np.arange(len(squared))
    return HeldOut(columns, columns * blocks // len(squared), np.array(squared), np.ones(len(squared), dtype=np.int64))


def test_a_gain_on_every_refit_promotes_and_one_that_comes_from_a_single_refit_does_not() -> None:
    champion = held_out([4.0] * 6, 3)
    steady = decide_on_origins(held_out([3.0, 3.0, 3.1, 3.1, 2.9, 2.9], 3), champion)
    assert steady.promote, steady.reason
    lucky = decide_on_origins(held_out([0.5, 0.5, 4.2, 4.2, 4.2, 4.2], 3), champion)
    assert not lucky.promote
    assert "chance" in lucky.reason
    assert lucky.challenger_rmse is not None
    assert lucky.challenger_rmse < 2.0


def test_a_tie_and_a_single_refit_keep_the_champion() -> None:
    champion = held_out([4.0, 3.0, 5.0], 3)
    assert not decide_on_origins(champion, champion).promote
    assert not decide_on_origins(held_out([1.0, 1.0], 1), held_out([2.0, 2.0], 1)).promote
