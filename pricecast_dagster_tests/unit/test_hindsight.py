"""Hindsight: how cautious a product's own past says that its forecasts should be."""

import numpy as np
import pytest

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.ensemble import Blend
from pricecast_dagster.forecasting.hindsight import Hindsight, hindsight
from pricecast_dagster.forecasting.model import forecast, train
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.recipe import Kind, default_recipe
from pricecast_dagster.forecasting.settling import BOLD, CAREFUL, NOISE, READY, STILL
from pricecast_dagster.forecasting.validation import Rehearsal, Track, track_rules
from pricecast_dagster.testing import tiny_panel
from pricecast_dagster_tests.accuracy.kinds import KINDS

CALENDAR = HolidayCalendar("BR")
HORIZON_DAYS = 14
NOBODY = Rehearsal((), (), np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp), np.zeros((0, 0, HORIZON_DAYS)))


def by_rules(track: Track, kind: Kind = Kind.STICKY) -> Hindsight:
    """Of a model that has rules alone."""
    return hindsight(track, NOBODY, kind)


def alternating(answer: float, days: int = 400) -> Track:
    """From every second day on, a price of 10.00 is 12.00 for a fortnight; a rule always says the same."""
    last = np.full(days, 10.0)
    actual = np.where(np.arange(days)[:, None] % 2 == 0, 12.0, 10.0) + np.zeros((days, HORIZON_DAYS))
    answers = np.full((1, days, HORIZON_DAYS), answer)
    stays = np.full(actual.shape, 0.5)
    counted = np.ones(actual.shape, dtype=bool)
    counted[-HORIZON_DAYS:] = False
    return Track(("smoothing",), answers, last, last, stays, actual, counted)


def test_a_price_that_is_exact_half_of_the_time_is_not_left_for_a_move_that_is_never_exact():
    # Half of the way is 30 % less error, and never right to the cent.
    assert by_rules(alternating(11.0)).caution in (STILL, CAREFUL)


def test_a_price_that_is_never_exact_is_left():
    track = alternating(12.0)
    never = Track(track.rules, track.forecasts, track.last, track.before, track.stays, track.actual + 1.5, track.counted)
    assert by_rules(never).caution in (READY, BOLD)


def test_without_a_past_a_product_is_as_cautious_as_models_of_before_that_chose_nothing():
    history = tiny_panel({"A": [10.0, 12.0] * 20})
    track = track_rules(history, CALENDAR, default_recipe())
    assert by_rules(track).caution == Blend.from_json({"kind": "sticky", "weights": {}}).caution


def test_noise_is_settled_as_noise():
    noise = np.random.default_rng(1).normal(20, 2, 200).round(2).tolist()
    track = track_rules(tiny_panel({"A": noise}), CALENDAR, default_recipe())
    found = by_rules(track, Kind.NOISY)
    assert (found.caution, found.rehearsed) == (NOISE, 0)
    assert len(found.columns) == 169
    moved = np.abs(found.forecasts - track.last[found.columns, None]) / track.last[found.columns, None]
    # What moves by less than 2 % stays.
    assert ((moved == 0) | (moved > 0.02)).all()
    assert 0.05 < np.mean(moved == 0) < 0.5


def test_a_price_that_never_moved_is_forecast_as_it_is_in_hindsight():
    track = track_rules(tiny_panel({"A": [5.0] * 200}), CALENDAR, default_recipe())
    np.testing.assert_array_equal(by_rules(track).forecasts, 5.0)


@pytest.mark.parametrize("kind", ["shelf", "high_low", "campaign"])
def test_what_comes_later_changes_no_forecast_of_the_early_past(kind):
    prices, observed = KINDS[kind](np.random.default_rng(3))
    known = [price if seen else None for price, seen in zip(prices, observed, strict=True)]
    other = [*known[:150], *(None if price is None else price * 3 for price in known[150:])]
    one, two = (by_rules(track_rules(tiny_panel({"A": values}), CALENDAR, default_recipe())) for values in (known, other))
    # A piece of days is forecast by what was known on its first day.
    early = one.block < one.block[np.searchsorted(one.columns, 150)]
    assert early.sum() > 50
    np.testing.assert_array_equal(one.forecasts[early], two.forecasts[early])


def test_a_forecast_is_settled_by_the_caution_its_model_keeps():
    days = np.arange(330)
    history: Panel = tiny_panel({"A": np.where(days % 20 < 3, 4.0, 5.0).tolist()})
    model = train(history, CALENDAR, tuning=None, seed=1)
    assert model.blend.caution == model.facts["blend"]["caution"]
    model.facts["blend"]["caution"] = STILL
    assert (forecast([model], history, CALENDAR, 14).price == history.price[0, -1]).all()
