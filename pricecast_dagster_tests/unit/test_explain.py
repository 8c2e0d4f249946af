"""A forecast taken apart: the parts add up, and they are what the trees say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricecast_dagster.forecasting import booster
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.explain import NAMES, TOLERANCE, explain
from pricecast_dagster.forecasting.members.roster import MEMBERS
from pricecast_dagster.forecasting.model import forecast, train
from pricecast_dagster.forecasting.origins import Origins
from pricecast_dagster.forecasting.panel import build_panel
from pricecast_dagster.testing import tiny_panel
from pricecast_dagster_tests.accuracy.kinds import history_of

CALENDAR = HolidayCalendar("BR")


def test_the_parts_add_up_to_the_forecast_and_learners_have_their_say() -> None:
    # A weekly price with noise: learners that see the weekday are followed.
    days = np.arange(200)
    noise = np.random.default_rng(3).normal(0, 0.4, 200)
    panel = tiny_panel({"weekly": list(np.round(20 + 3 * (days % 7 >= 5) + noise, 2))})
    model = train(panel, CALENDAR, tuning=None, seed=1)
    found = explain(model, panel, CALENDAR, 10)
    assert found.effects.shape == found.values.shape == (10, len(NAMES))
    assert found.price == pytest.approx(forecast([model], panel, CALENDAR, 10).price[0])
    assert found.base + found.effects.sum(axis=1) == pytest.approx(found.price)
    assert np.abs(found.effects).sum() > 0
    assert np.isfinite(found.values[:, : len(NAMES) - 2]).any()


@settings(max_examples=8, deadline=None)
@given(
    st.sampled_from(["till_average", "shelf", "high_low", "wholesale", "vegetable", "constant", "campaign"]),
    st.integers(0, 500),
    st.integers(1, 60),
)
def test_members_and_features_of_any_model_add_up_to_its_forecast(kind: str, seed: int, horizon_days: int) -> None:
    panel = build_panel(history_of(kind, 1, seed).tail(200))
    model = train(panel, CALENDAR, tuning=None, seed=seed)
    found = explain(model, panel, CALENDAR, horizon_days)
    price = forecast([model], panel, CALENDAR, horizon_days).price[0]
    allowed = TOLERANCE * price
    assert (found.price == price).all()
    assert (np.abs(found.last + found.moves.sum(axis=0) + found.settling - price) <= allowed).all()
    assert (np.abs(found.base + found.effects.sum(axis=1) - price) <= allowed).all()
    assert found.moves.shape == (len(found.members), horizon_days)
    assert dict(zip(found.members, found.weights, strict=True)) == {n: w for n, w in model.blend.weights.items() if w > 0}
    # What is not a member's doing is the way to a price that was there.
    assert np.isin(price[np.abs(found.settling) > allowed], panel.price).all()


def test_a_direct_learner_is_its_base_and_its_features_shares() -> None:
    panel = build_panel(history_of("high_low", 1, 3))
    model = train(panel, CALENDAR, tuning=None, seed=1)
    fitted, origins = model.fitted("direct_step"), Origins(panel, np.zeros(1, np.intp), panel.last, CALENDAR)
    with booster.overheard() as heard:
        answer = MEMBERS["direct_step"].forecast([fitted], np.zeros(1, np.intp), origins, 20)[0]
    ((_, shares),) = heard
    assert panel.price[0, -1] + fitted.numbers["scale"] * shares.sum(axis=1) == pytest.approx(answer, rel=TOLERANCE)


def test_predictions_are_overheard_only_within_the_block() -> None:
    features = np.random.default_rng(0).normal(size=(80, 3))
    text = booster.fit(features, features[:, 0], train_settings()[0], seed=1)
    which = np.zeros(80, dtype=np.intp)
    before = booster.Boosters([text]).predict(which, features)
    with booster.overheard() as heard:
        assert booster.Boosters([text]).predict(which, features).tobytes() == before.tobytes()
    booster.Boosters([text]).predict(which, features)
    ((rows, shares),) = heard
    assert rows.shape == (80, 3)
    assert shares.sum(axis=1) == pytest.approx(before)


def train_settings() -> list[booster.BoosterSettings]:
    from pricecast_dagster.forecasting.recipe import default_recipe

    return [learner.booster for learner in default_recipe().learners.values()]
