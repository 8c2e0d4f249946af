"""The pooled model: what it sees, that it knows no future, and its place among a product's members."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricecast_dagster.errors import TrainingError
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.chances import chances_at
from pricecast_dagster.forecasting.explain import TOLERANCE, explain
from pricecast_dagster.forecasting.members.roster import MEMBERS
from pricecast_dagster.forecasting.model import Model, forecast, refit, train
from pricecast_dagster.forecasting.origins import Origins
from pricecast_dagster.forecasting.panel import Panel, build_panel
from pricecast_dagster.forecasting.pooled import Pooled
from pricecast_dagster.forecasting.pooled_fit import (
    CUT_STEP_DAYS,
    KEPT_CUTS,
    MOST_SKUS,
    cuts_until,
    fit_pooled,
    portraits,
    sample_of,
)
from pricecast_dagster.forecasting.recipe import POOLED, Kind, default_recipe
from pricecast_dagster.forecasting.samples import build_samples
from pricecast_dagster.forecasting.settling import lengthened
from pricecast_dagster.settings import Settings
from pricecast_dagster.testing import tiny_panel
from pricecast_dagster_tests.accuracy.kinds import history_of

CALENDAR = HolidayCalendar("BR")
RECIPE = default_recipe().with_members([POOLED])


def shop(count: int = 4) -> list[Panel]:
    """Products with promotions that end after some days, as one finds them on shelves."""
    whole = build_panel(history_of("high_low", count, 5))
    return [whole.select([row]) for row in range(count)]


def pooled_of(histories: list[Panel], until: np.datetime64 | None = None) -> Pooled:
    until = max(history.days[-1] for history in histories) if until is None else until
    return fit_pooled(histories, CALENDAR, until, 1, of_skus=len(histories))


@pytest.fixture(scope="module")
def pooled() -> Pooled:
    return pooled_of(shop())


def test_the_calendar_of_cuts_is_the_same_for_everybody_and_goes_on_every_fortnight() -> None:
    day = np.datetime64("2026-05-30")
    cuts = cuts_until(day, KEPT_CUTS)
    assert len(cuts) == KEPT_CUTS and cuts[-1] <= day < cuts[-1] + CUT_STEP_DAYS
    assert {int((later - earlier).astype(int)) for earlier, later in pairwise(cuts)} == {CUT_STEP_DAYS}
    assert cuts_until(cuts[-1], KEPT_CUTS) == cuts
    assert cuts_until(cuts[-1] - 1, KEPT_CUTS)[1:] == cuts[:-1]


def test_of_too_many_products_the_same_are_taken_whoever_else_comes() -> None:
    names = [f"SKU{number:05d}" for number in range(3 * MOST_SKUS)]
    chosen = sample_of(names)
    assert len(chosen) == MOST_SKUS and list(chosen) == sorted(chosen) and sample_of(names[::-1]) == chosen
    stays = set(chosen) & set(sample_of([*names, "another"]))
    assert len(stays) >= MOST_SKUS - 1
    assert sample_of(["b", "a", "b"]) == ("a", "b")


def test_whatever_happens_after_a_cut_changes_nothing_of_its_booster(pooled: Pooled) -> None:
    cut = pooled.cuts[-3]
    changed = []
    for history in shop():
        price = np.where(history.days > cut, history.price * 3.0 + 1.0, history.price)
        changed.append(Panel(history.skus, history.first_day, price, history.quantity * 2, history.observed))
    other = pooled_of(changed)
    assert other.cuts == pooled.cuts
    assert other.texts[: KEPT_CUTS - 2] == pooled.texts[: KEPT_CUTS - 2]
    assert other.texts[-1] != pooled.texts[-1] and other.version != pooled.version


def test_who_stands_at_a_day_is_given_what_was_known_then(pooled: Pooled) -> None:
    assert pooled.at(pooled.cuts[2]) == pooled.texts[2]
    assert pooled.at(pooled.cuts[2] + 13) == pooled.texts[2]
    assert pooled.at(pooled.cuts[3] - 1) == pooled.texts[2]
    assert pooled.at(pooled.cuts[0] - 1) == ""
    assert pooled.at(pooled.cuts[-1] + 500) == pooled.texts[-1]


def test_the_order_of_products_does_not_matter_and_json_keeps_everything(pooled: Pooled) -> None:
    again = pooled_of(shop()[::-1])
    assert (again.version, again.texts, again.facts) == (pooled.version, pooled.texts, pooled.facts)
    back = Pooled.from_json(json.loads(json.dumps(pooled.to_json())))
    assert (back.version, back.cuts, back.texts, back.facts) == (pooled.version, pooled.cuts, pooled.texts, pooled.facts)
    assert pooled.facts["skus"] == 4 and set(pooled.facts["rows"]) == set(map(str, pooled.cuts))


def test_too_few_rows_make_no_pooled_model() -> None:
    with pytest.raises(TrainingError, match="needs 500 rows"):
        pooled_of([tiny_panel({"A": [1.0, 2.0] * 30})])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from([1.0, 1.5, 2.0]), min_size=5, max_size=150), st.data())
def test_a_portrait_is_what_a_person_would_count(prices: list[float], data: st.DataObject) -> None:
    panel = tiny_panel({"A": prices})
    column = data.draw(st.integers(0, len(prices) - 1))
    past = prices[: column + 1]
    changes = [day for day in range(1, len(past)) if past[day] != past[day - 1]]
    recent = [day for day in changes if day > column - 90]
    age = column - changes[-1] + 1 if changes else column + 1
    before = past[changes[-1] - 1] if changes else past[-1]
    expected = [
        len(recent) / max(min(column, 90), 1),
        age,
        before / past[-1] - 1,
        np.std(past) / past[-1],
        np.mean(past) / past[-1] - 1,
    ]
    found = portraits(panel, np.zeros(1, np.intp), np.array([column]))[0]
    assert found == pytest.approx(expected, abs=1e-9)


def test_a_model_with_the_member_weighs_it_and_forecasts_alike_alone_and_in_any_batch(pooled: Pooled) -> None:
    singles = shop()
    models = [train(single, CALENDAR, tuning=None, recipe=RECIPE, seed=1, pooled=pooled) for single in singles]
    assert all(np.isfinite(model.facts["member_errors"][POOLED]) for model in models)
    assert all(model.facts[POOLED] == pooled.version for model in models)
    assert any(model.blend.weights[POOLED] > 0 for model in models)
    whole = build_panel(history_of("high_low", 4, 5))
    together = forecast(models, whole, CALENDAR, 60)
    for row, (model, single) in enumerate(zip(models, singles, strict=True)):
        again = Model(model.recipe, dict(model.texts), model.arrays, json.loads(json.dumps(model.facts)))
        assert forecast([again], single, CALENDAR, 60).price[0].tobytes() == together.price[row].tobytes()


def test_the_member_answers_from_the_newest_booster_before_each_cut(pooled: Pooled) -> None:
    history = shop()[0]
    samples = build_samples(history, CALENDAR, RECIPE, pooled)
    for cut in (history.n_days - 1, history.n_days - 20, history.n_days - 60):
        assert MEMBERS[POOLED].fit(samples.cut(cut), RECIPE, 1).text == pooled.at(history.days[cut])
    # Before the first booster it says that the price stays.
    fitted = MEMBERS[POOLED].fit(samples.cut(10), RECIPE, 1)
    origins = Origins(history, np.zeros(1, np.intp), np.array([40]), CALENDAR)
    assert (MEMBERS[POOLED].forecast([fitted], np.zeros(1, np.intp), origins, 14) == history.price[0, 40]).all()


def test_it_says_for_a_tenfold_price_what_it_says_for_the_price_tenfold(pooled: Pooled) -> None:
    history = shop()[1]
    dear = Panel(history.skus, history.first_day, history.price * 8, history.quantity, history.observed)
    answers = []
    for panel in (history, dear):
        fitted = MEMBERS[POOLED].fit(build_samples(panel, CALENDAR, RECIPE, pooled), RECIPE, 1)
        origins = Origins(panel, np.zeros(1, np.intp), panel.last, CALENDAR)
        answers.append(MEMBERS[POOLED].forecast([fitted], np.zeros(1, np.intp), origins, 14))
    assert answers[1] == pytest.approx(8 * answers[0], rel=1e-12)


def test_without_a_pooled_model_the_member_is_left_out_and_the_model_is_as_it_was() -> None:
    history = shop()[0]
    without, with_member = (train(history, CALENDAR, tuning=None, recipe=recipe, seed=1) for recipe in (default_recipe(), RECIPE))
    assert with_member.facts == without.facts and with_member.texts == without.texts
    assert POOLED not in with_member.facts


def test_a_refit_takes_the_newest_booster_and_keeps_the_weights(pooled: Pooled) -> None:
    history = shop()[0]
    model = train(history.until(history.days[-20]), CALENDAR, tuning=None, recipe=RECIPE, seed=1, pooled=pooled)
    again = refit(history, CALENDAR, model, seed=1, pooled=pooled)
    assert again.facts["blend"] == model.facts["blend"] and again.facts[POOLED] == pooled.version
    if model.blend.weights[POOLED] > 0:
        assert again.texts[POOLED] == pooled.texts[-1] != model.texts[POOLED]


def test_a_price_that_never_moved_stays_where_it_is(pooled: Pooled) -> None:
    history = tiny_panel({"A": [19.9] * 100})
    model = train(history, CALENDAR, tuning=None, recipe=RECIPE, seed=1, pooled=pooled)
    assert (forecast([model], history, CALENDAR, 60).price == 19.9).all()


def test_a_forecast_with_the_member_is_taken_apart_whole(pooled: Pooled) -> None:
    for history in shop():
        model = train(history, CALENDAR, tuning=None, recipe=RECIPE, seed=1, pooled=pooled)
        found = explain(model, history, CALENDAR, 14)
        assert (np.abs(found.base + found.effects.sum(axis=1) - found.price) <= TOLERANCE * found.price).all()
        if POOLED in found.members:
            fitted, origins = model.fitted(POOLED), Origins(history, np.zeros(1, np.intp), history.last, CALENDAR)
            answer = MEMBERS[POOLED].forecast([fitted], np.zeros(1, np.intp), origins, 14)[0]
            longer = lengthened(chances_at(origins, 14).stays, [model.blend.caution])[0]
            moved = found.moves[found.members.index(POOLED)] / found.weights[found.members.index(POOLED)] / longer
            lowest, highest = (float(end[0]) for end in origins.recent_range)
            assert moved == pytest.approx(np.clip(answer, lowest, highest) - found.last)


def test_it_comes_and_goes_with_the_setting_for_every_kind() -> None:
    assert all(POOLED in RECIPE.by_kind[kind] for kind in Kind)
    assert RECIPE.members == (POOLED,) and RECIPE.with_members([]) == default_recipe()
    assert Settings(members=[POOLED]).members == [POOLED]
