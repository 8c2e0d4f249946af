"""The rules of a model on any history: against the oracle, without look-ahead, the same from a track as from a fit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricecast_dagster.forecasting import chances
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.members import smoothing
from pricecast_dagster.forecasting.members.roster import RULES
from pricecast_dagster.forecasting.origins import Origins
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.recipe import default_recipe
from pricecast_dagster.forecasting.samples import build_samples
from pricecast_dagster.testing import tiny_panel
from pricecast_dagster_tests.oracles import members as oracle

HORIZON_DAYS = smoothing.JUDGED_DAYS
CALENDAR = HolidayCalendar("BR")

cents = st.integers(1, 10**5).map(lambda amount: amount / 100)


@st.composite
def histories(draw, sku: str = "A") -> Panel:
    """One SKU with gaps; few distinct prices, as on a shelf, so that prices come back."""
    pool = st.sampled_from(draw(st.lists(cents, min_size=1, max_size=4)))
    prices = draw(st.lists(st.none() | pool | pool, min_size=1, max_size=60))
    return tiny_panel({sku: [draw(pool), *prices, draw(pool)]})


def own(history: Panel) -> tuple[list[float], list[bool]]:
    return history.price[0].tolist(), history.observed[0].tolist()


@given(histories())
def test_levels_and_weekday_effects_are_what_plain_python_says(history):
    prices, observed = own(history)
    says = oracle.say(observed, history.quantity[0].tolist())
    levels, effects = smoothing._levels(history)
    for number, memory in enumerate(smoothing.MEMORIES):
        np.testing.assert_allclose(levels[0, number], oracle.smoothed_levels(prices, says, memory), rtol=1e-9)
    for number, memory in enumerate(smoothing.MEMORIES[smoothing._WITH_WEEKDAYS :]):
        expected = oracle.weekday_effect(
            prices,
            says,
            memory,
            len(prices) - 1,
            weekday_memory=smoothing._WEEKDAY_MEMORY,
            prior=smoothing._WEEKDAY_PRIOR,
        )
        assert effects[0, number, -1] == pytest.approx(expected, rel=1e-6, abs=1e-9)


@given(histories())
def test_a_comeback_is_expected_as_often_as_plain_python_counts(history):
    prices, observed = own(history)
    weekday = int((history.first_day - np.datetime64("1970-01-05", "D")).astype(int)) % 7
    stays, back, before = oracle.expected_chances(prices, observed, weekday, HORIZON_DAYS)
    known = chances.chances_of_days(history, HORIZON_DAYS)
    np.testing.assert_allclose(known.stays[-1], stays, rtol=1e-9)
    np.testing.assert_allclose(known.back[-1], back, rtol=1e-9, atol=1e-12)
    expected = [prices[-1] + chance * (before - prices[-1]) for chance in back]
    np.testing.assert_allclose(RULES["comeback"].track(history, HORIZON_DAYS)[-1], expected, rtol=1e-9)


@given(histories())
def test_chances_are_chances_and_none_is_lost(history):
    known = chances.chances_of_days(history, 60)
    assert (known.stays > 0).all()
    assert (known.back >= 0).all()
    assert (known.stays + known.back <= 1 + 1e-12).all()
    assert (np.diff(known.stays, axis=1) <= 0).all()


def test_a_price_that_is_recorded_once_a_week_stands_as_long_as_one_that_is_recorded_daily():
    weekly = np.random.default_rng(1).choice([4.0, 5.0], 100)
    daily = np.repeat(weekly, 7).tolist()
    known = [price if day % 7 == 0 else None for day, price in enumerate(daily)]
    stays = [chances.chances_of_days(tiny_panel({"A": prices}), 14).stays[-7] for prices in (daily, known)]
    # Half of the weeks bring another price, which lasts the week.
    assert 0.4 < stays[0][6] < 0.75
    # One knows on which day of the week, the other does not; by the end of a week it is the same.
    assert abs(stays[1][6] - stays[0][6]) < 0.2
    assert abs(stays[1][13] - stays[0][13]) < 0.1


@given(histories(), st.integers(0, 30))
def test_what_comes_later_changes_no_earlier_chance(history, cut):
    cut = min(cut, history.n_days - 1)
    early = chances.chances_of_days(history.until(history.days[cut]), HORIZON_DAYS)
    np.testing.assert_array_equal(early.stays[cut], chances.chances_of_days(history, HORIZON_DAYS).stays[cut])


@settings(max_examples=30)
@given(one=histories("A"), other=histories("B"))
def test_chances_are_the_same_bytes_on_every_day_of_one_product_and_at_an_origin_beside_another(one, other):
    days = max(one.n_days, other.n_days)
    both = tiny_panel({history.skus[0]: _padded(history, days) for history in (one, other)}, first_day=str(one.first_day - 3))
    together = chances.chances_at(Origins(both, np.arange(2), both.last, CALENDAR), HORIZON_DAYS)
    for position, history in enumerate((one, other)):
        alone = chances.chances_of_days(history, HORIZON_DAYS)
        np.testing.assert_array_equal(together.stays[position], alone.stays[-1])
        np.testing.assert_array_equal(together.back[position], alone.back[-1])


@pytest.mark.parametrize("name", sorted(RULES))
@given(history=histories(), cut=st.integers(0, 30))
def test_what_comes_later_changes_no_earlier_forecast_of_a_rule(name, history, cut):
    cut = min(cut, history.n_days - 1)
    early = history.until(history.days[cut])
    whole = RULES[name].track(history, HORIZON_DAYS)[cut]
    np.testing.assert_array_equal(RULES[name].track(early, HORIZON_DAYS)[cut], whole)


@pytest.mark.parametrize("name", sorted(RULES))
@given(history=histories())
def test_a_rule_forecasts_from_its_fit_what_its_track_says(name, history):
    rule, recipe = RULES[name], default_recipe()
    fitted = rule.fit(build_samples(history, CALENDAR, recipe), recipe, 1)
    origins = Origins(history, np.zeros(1, dtype=np.intp), np.array([history.n_days - 1]), CALENDAR)
    forecast = rule.forecast([fitted], np.zeros(1, dtype=np.intp), origins, HORIZON_DAYS)
    np.testing.assert_allclose(forecast[0], rule.track(history, HORIZON_DAYS)[-1], rtol=1e-12)


@pytest.mark.parametrize("name", sorted(RULES))
@settings(max_examples=30)
@given(one=histories("A"), other=histories("B"))
def test_a_rule_forecasts_the_same_bytes_alone_and_beside_another_product(name, one, other):
    rule, recipe = RULES[name], default_recipe()
    fitted = [rule.fit(build_samples(history, CALENDAR, recipe), recipe, 1) for history in (one, other)]
    days = max(one.n_days, other.n_days)
    both = tiny_panel({history.skus[0]: _padded(history, days) for history in (one, other)}, first_day=str(one.first_day - 3))
    columns = np.array([both.last[0], both.last[1]])
    together = rule.forecast(fitted, np.arange(2), Origins(both, np.arange(2), columns, CALENDAR), 20)
    for position, history in enumerate((one, other)):
        origins = Origins(history, np.zeros(1, dtype=np.intp), history.last, CALENDAR)
        alone = rule.forecast([fitted[position]], np.zeros(1, dtype=np.intp), origins, 20)
        np.testing.assert_array_equal(together[position], alone[0])


def _padded(history: Panel, days: int) -> list[float | None]:
    """The history's records, three days later in a panel that begins three days earlier, so that weekdays stay."""
    values = [price if seen else None for price, seen in zip(*own(history), strict=True)]
    return [None] * 3 + values + [None] * (days - len(values))
