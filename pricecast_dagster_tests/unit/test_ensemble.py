"""The ensemble: kinds, weights and the step away from the last price."""

import numpy as np
import pytest

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.ensemble import Blend, kind_of, weigh
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.recipe import Kind, default_recipe
from pricecast_dagster.forecasting.settling import CAREFUL, NOISE, WARY
from pricecast_dagster.forecasting.validation import Rehearsal, Track, track_rules
from pricecast_dagster.testing import tiny_panel
from pricecast_dagster_tests.accuracy.kinds import KINDS

CALENDAR = HolidayCalendar("BR")
NOBODY = Rehearsal((), (), np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp), np.zeros((0, 0, 14)))


def product(kind: str, seed: int = 3) -> Panel:
    prices, observed = KINDS[kind](np.random.default_rng(seed))
    return tiny_panel({kind: [price if seen else None for price, seen in zip(prices, observed, strict=True)]})


def track_of(history: Panel) -> Track:
    return track_rules(history, CALENDAR, default_recipe())


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("till_average", Kind.NOISY),
        ("shelf", Kind.STICKY),
        ("board", Kind.STICKY),
        ("high_low", Kind.STICKY),
        ("wholesale", Kind.STICKY),
        ("constant", Kind.STICKY),
    ],
)
def test_a_price_is_noisy_only_if_it_keeps_moving_about_a_level(kind, expected):
    history = product(kind)
    assert kind_of(track_of(history), history) is expected


def made_up(answers: np.ndarray, last: np.ndarray, actual: np.ndarray, counted: np.ndarray | None = None) -> Track:
    counted = np.ones(actual.shape, dtype=bool) if counted is None else counted
    return Track(("smoothing", "comeback"), answers, last, last, np.ones(actual.shape), actual, counted)


def moving(days: int = 200, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    last = np.full(days, 10.0)
    return last, last[:, None] + generator.choice([-2.0, 0.0, 2.0], size=(days, 1)) + np.zeros((days, 14))


def test_a_member_that_was_always_right_gets_the_weight():
    last, actual = moving()
    wrong = 20.0 - actual
    weights = weigh(made_up(np.stack([actual, wrong]), last, actual), NOBODY, Kind.STICKY, WARY).weights
    assert weights["smoothing"] > 0.9
    assert weights["comeback"] == 0.0


def test_members_that_were_never_right_leave_the_forecast_at_the_last_price():
    last, actual = moving()
    wrong = 20.0 - actual
    blend = weigh(made_up(np.stack([wrong, wrong]), last, actual), NOBODY, Kind.STICKY, WARY)
    assert blend.step < 0.05


def test_a_member_that_was_right_half_of_the_time_is_followed_half_of_the_way():
    last, moves = moving(2000)
    happened = np.where(np.random.default_rng(2).random((2000, 1)) < 0.5, moves, last[:, None])
    idle = np.repeat(last[:, None], 14, axis=1)
    # Every window counts by its root mean squared error: calm ones, where the member was wrong, count more.
    blend = weigh(made_up(np.stack([moves, idle]), last, happened), NOBODY, Kind.NOISY, NOISE)
    assert 0.35 < blend.weights["smoothing"] < 0.55


def test_weights_are_not_negative_and_never_sum_to_more_than_the_whole_way():
    for seed in range(20):
        generator = np.random.default_rng(seed)
        last = np.exp(generator.normal(2, 0.3, 80))
        answers = last[:, None] * np.exp(generator.normal(0, 0.2, (2, 80, 14)))
        blend = weigh(made_up(answers, last, answers.mean(axis=0)), NOBODY, Kind.STICKY, WARY)
        assert min(blend.weights.values()) >= 0
        assert blend.step <= 1 + 1e-12


def test_days_that_do_not_count_have_no_say():
    last, actual = moving()
    counted = np.zeros(actual.shape, dtype=bool)
    counted[:100] = True
    poisoned = np.where(counted, actual, 1e9)
    answers = np.stack([actual, 20.0 - actual])
    known = weigh(made_up(answers, last, actual, counted), NOBODY, Kind.STICKY, WARY)
    assert weigh(made_up(answers, last, poisoned, counted), NOBODY, Kind.STICKY, WARY) == known


def test_a_blend_comes_back_from_its_json():
    blend = Blend(Kind.NOISY, {"smoothing": 0.7, "autoregressive": 0.2}, NOISE)
    assert Blend.from_json(blend.to_json()) == blend
    assert blend.step == pytest.approx(0.9)


@pytest.mark.parametrize(("kind", "caution"), [(Kind.NOISY, NOISE), (Kind.STICKY, CAREFUL)])
def test_a_blend_of_before_is_as_cautious_as_one_without_a_past(kind, caution):
    assert Blend.from_json({"kind": kind.value, "weights": {"smoothing": 0.7}}).caution == caution
