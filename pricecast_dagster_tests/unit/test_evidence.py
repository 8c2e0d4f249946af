"""Which past errors bands are made of, and bands of models that were made before."""

from dataclasses import replace

import numpy as np
import pytest

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.ensemble import kind_of
from pricecast_dagster.forecasting.evidence import evidence
from pricecast_dagster.forecasting.hindsight import hindsight
from pricecast_dagster.forecasting.model import Model, forecast, refit, train
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.past_errors import LATER_DAYS, Errors
from pricecast_dagster.forecasting.recipe import Kind, default_recipe
from pricecast_dagster.forecasting.samples import build_samples
from pricecast_dagster.forecasting.validation import rehearse_kind, track_rules
from pricecast_dagster.stages.weights import weigh_again
from pricecast_dagster.testing import tiny_panel

CALENDAR = HolidayCalendar("BR")


def promoted(n_days: int = 330) -> Panel:
    """A price of 5.00 that is 4.00 for three days of every twenty."""
    days = np.arange(n_days)
    return tiny_panel({"A": np.where(days % 20 < 3, 4.0, 5.0).tolist()})


def wandering(n_days: int = 330) -> Panel:
    moves = np.random.default_rng(2).choice([-0.5, 0.0, 0.0, 0.0, 0.5], n_days)
    return tiny_panel({"A": np.round(40 + np.cumsum(moves), 2).tolist()})


def evidence_of(history: Panel) -> Errors:
    """Of the first fortnight."""
    return all_evidence_of(history)[0]


def all_evidence_of(history: Panel) -> tuple[Errors, Errors]:
    recipe = default_recipe()
    samples = build_samples(history, CALENDAR, recipe)
    track = track_rules(history, CALENDAR, recipe)
    kind = kind_of(track, history)
    rehearsal = rehearse_kind(samples, CALENDAR, recipe, kind, 1)
    return evidence(track, hindsight(track, rehearsal, kind), kind, 1.0)


def test_a_sticky_price_is_judged_by_its_whole_past_and_noise_by_the_rehearsed_weeks_and_the_shape_of_all():
    sticky = evidence_of(wandering())
    assert sticky.kind is Kind.STICKY
    assert len(sticky.errors) > 280
    assert (sticky.block[sticky.block >= 0].size, sticky.block.min()) == (84, -4)
    noise = np.random.default_rng(1).normal(20, 2, 330).round(2)
    noisy = evidence_of(tiny_panel({"A": noise.tolist()}))
    assert noisy.kind is Kind.NOISY
    assert len(noisy.errors) == 42
    assert (len(noisy.earlier), len(sticky.earlier)) == (100, 0)


def test_what_is_known_of_the_early_past_does_not_depend_on_what_came_after():
    prices = wandering(330).price[0]
    other = prices.copy()
    # The last eight weeks are the same: past errors are told in prices of then.
    other[200:-56] = prices[200:-56][::-1] + 3.0
    columns = np.arange(14)
    known = {}
    for name, series in (("as it was", prices), ("another future", other)):
        found = evidence_of(tiny_panel({"A": series.tolist()}))
        # The first origin that counts is the 31st day; days ahead of it that lie before day 200 are the same in both.
        origin = 30 + np.arange(len(found.errors))
        known[name] = np.where((origin[:, None] + 1 + columns < 200) & (found.block < 0)[:, None], found.errors, np.nan)
    same = ~np.isnan(known["as it was"])
    assert same.sum() > 100
    # Pieces of eight weeks are counted from the end: the same days are weighed by the same past.
    np.testing.assert_array_equal(known["as it was"], known["another future"])


def test_what_is_said_for_the_end_of_the_fortnight_is_held_against_the_weeks_after_it():
    # The regular price never moves, so errors are in prices of then and of now alike.
    history = promoted(330)
    price = history.price[0]
    near, later = all_evidence_of(history)
    origins = np.arange(30, 329)
    assert len(near.errors) == len(origins)
    # What was said for day 14, where that day has come: its error and what came.
    kept = origins[::-4][::-1]
    assert len(later.errors) == len(kept)
    for row, origin in enumerate(kept):
        if origin + 14 > 329:
            continue
        said = near.errors[origin - 30, -1] + price[origin + 14]
        for column, ahead in enumerate(LATER_DAYS):
            came = price[origin + ahead] if origin + ahead <= 329 else np.nan
            np.testing.assert_allclose(later.errors[row, column], said - came, atol=1e-9)
    assert later.side.tolist() == near.side[::-4][::-1].tolist()
    assert not len(all_evidence_of(tiny_panel({"A": np.random.default_rng(1).normal(20, 2, 330).round(2).tolist()}))[1].errors)


def test_a_day_without_a_price_is_no_error_of_the_weeks_after_the_fortnight():
    prices = promoted(330).price[0].tolist()
    gone = {200, 201, 250}
    later = all_evidence_of(tiny_panel({"A": [None if day in gone else price for day, price in enumerate(prices)]}))[1]
    origins = np.arange(30, 329)[::-4][::-1]
    unknown = {
        (origin, ahead)
        for row, origin in enumerate(origins)
        for column, ahead in enumerate(LATER_DAYS)
        if np.isnan(later.errors[row, column])
    }
    assert unknown == {
        (origin, ahead) for origin in origins for ahead in LATER_DAYS if origin + ahead > 329 or origin + ahead in gone
    }


def test_noise_keeps_the_shape_of_its_past_through_a_refit():
    history = tiny_panel({"A": (20 + np.random.default_rng(1).standard_t(3, 330)).round(2).tolist()})
    model = train(history, CALENDAR, tuning=None, seed=1)
    assert len(model.arrays["earlier_scores"]) == 100
    np.testing.assert_array_equal(refit(history, CALENDAR, model, seed=1).reaches, model.reaches)
    before = {name: values for name, values in model.arrays.items() if name != "earlier_scores"}
    kept = replace(model, arrays=before)
    assert not np.array_equal(refit(history, CALENDAR, kept, seed=1).reaches, model.reaches)
    assert weigh_again(history, kept)
    assert not weigh_again(history, model)


@pytest.mark.parametrize("times", [0.5, 1.0, 2.0])
def test_past_errors_are_told_in_prices_of_now(times: float):
    prices = wandering(330).price[0]
    moved = np.concatenate([prices[:260], np.round(times * prices[260:], 2)])
    as_it_was = evidence_of(tiny_panel({"A": prices.tolist()})).errors[:150]
    told = evidence_of(tiny_panel({"A": moved.tolist()})).errors[:150]
    assert np.count_nonzero(as_it_was) > 500
    np.testing.assert_allclose(told, as_it_was * times**0.5, rtol=1e-6)


def test_the_band_of_a_promotion_goes_up_to_the_regular_price():
    history = promoted(322)
    model = train(history, CALENDAR, tuning=None, seed=1)
    made = forecast([model], history, CALENDAR, 14)
    assert history.price[0, -1] == 4.0
    assert (made.upper_95[0, 3:] >= 5.0).all()
    assert (made.lower_95 <= made.price).all()
    assert (made.price <= made.upper_80).all()


def test_two_months_ahead_a_band_holds_promotions_and_is_narrower_than_growth_alone():
    history = promoted(330)
    model = train(history, CALENDAR, tuning=None, seed=1)
    made = forecast([model], history, CALENDAR, 60)
    assert history.price[0, -1] == 5.0
    # 15 % of days are a promotion: within the 95 % band.
    assert (made.lower_95[0, 14:] <= 4.0).all()
    kept = {name: values for name, values in model.arrays.items() if not name.startswith("later")}
    grown = refit(history, CALENDAR, replace(model, arrays=kept), seed=1)
    assert (model.reaches[:, :, :, 59].sum(axis=2) < 0.82 * grown.reaches[:, :, :, 59].sum(axis=2)).all()
    np.testing.assert_array_equal(grown.reaches[..., :14], model.reaches[..., :14])
    np.testing.assert_array_equal(refit(history, CALENDAR, model, seed=1).reaches, model.reaches)


def old(model: Model) -> Model:
    """As it would have been kept before bands reached down and up apart."""
    kept = {"errors": model.arrays["errors"][-84:], "block": model.arrays["block"][-84:]}
    widths = model.reaches[1].max(axis=1)
    return replace(model, arrays=kept | {"half_widths": widths})


@pytest.mark.parametrize("make", [promoted, wandering])
def test_a_model_that_was_kept_before_still_forecasts_and_is_weighed_again_at_the_next_chance(make):
    history = make()
    model = train(history, CALENDAR, tuning=None, seed=1)
    kept = old(model)
    one, other = (forecast([each], history, CALENDAR, 14) for each in (model, kept))
    assert (one.price == other.price).all()
    np.testing.assert_array_equal(other.upper_95[0], other.price[0] + kept.arrays["half_widths"][1, :14])
    refitted = refit(history, CALENDAR, kept, seed=1)
    assert refitted.reaches.shape == (2, 2, 2, 60)
    assert weigh_again(history, kept)
    assert refitted.facts["coverage"] == model.facts["coverage"]
