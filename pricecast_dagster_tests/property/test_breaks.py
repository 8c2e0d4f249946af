"""Breaks of a level: against the oracle, found when they last, not taken from a single day."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricecast_dagster.forecasting.members import breaks, smoothing
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.testing import tiny_panel
from pricecast_dagster_tests.oracles import members as oracle

PAST_DAYS = 120


@st.composite
def noisy_histories(draw, sku: str = "A") -> Panel:
    """Noise around a level, with gaps, that may leave it for good at the end."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    days, since = draw(st.integers(1, 90)), draw(st.integers(0, 45))
    noise = draw(st.sampled_from([0.0, 0.02, 0.1])) * random.standard_t(4, days + since)
    prices = 10 * np.exp(noise) * np.repeat([1.0, draw(st.floats(0.6, 1.6))], [days, since])
    known = random.random(days + since) < draw(st.sampled_from([0.5, 0.9, 1.0]))
    known[[0, -1]] = True
    return tiny_panel({sku: [round(price, 2) if seen else None for price, seen in zip(prices, known, strict=True)]})


@given(noisy_histories())
def test_breaks_are_what_plain_python_says(history):
    chance, since = broken_at_the_end(history)
    prices, observed = history.price[0].tolist(), history.observed[0].tolist()
    says = oracle.say(observed, history.quantity[0].tolist())
    expected_chance, expected_since = oracle.broken_level(prices, observed, says)
    assert chance == pytest.approx(expected_chance, rel=1e-6, abs=1e-9)
    if chance:
        assert since == pytest.approx(expected_since, rel=1e-9)


@settings(max_examples=30)
@given(noisy_histories("A"), noisy_histories("B"))
def test_breaks_are_the_same_bytes_alone_and_beside_another_product(one, other):
    days = max(one.n_days, other.n_days)
    records = {history.skus[0]: [None] * 3 + known(history) + [None] * (days - history.n_days) for history in (one, other)}
    both = tiny_panel(records)
    level = smoothing._levels(both)[0][:, smoothing._OF_BREAKS]
    together = breaks.broken(both, level, np.arange(2), both.last)
    for position, history in enumerate((one, other)):
        assert (together[0][position], together[1][position]) == broken_at_the_end(history)


@given(noise=st.sampled_from([0.01, 0.05, 0.1]), times=st.sampled_from([0.7, 1.4]), seed=st.integers(0, 2**32 - 1))
def test_a_price_that_has_left_its_level_for_a_fortnight_is_forecast_at_the_new_one(noise, times, seed):
    random = np.random.default_rng(seed)
    prices = 10 * np.exp(noise * random.standard_normal(PAST_DAYS + 14))
    prices[PAST_DAYS:] *= times
    chance, since = broken_at_the_end(tiny_panel({"A": prices.tolist()}))
    assert chance > 0.9
    # A day or two of before may be taken for the new level's.
    assert since == pytest.approx(10 * times, abs=0.15 * abs(times - 1) * 10 + 4 * noise / np.sqrt(5) * 10 * times)


@pytest.mark.parametrize("times", [0.7, 1.3])
def test_from_a_week_after_a_shift_on_the_level_is_as_near_as_the_last_price(times):
    level_errors, last_errors = [], []
    for seed in range(40):
        prices = 10 * np.exp(0.05 * np.random.default_rng(seed).standard_normal(PAST_DAYS + 28))
        prices[PAST_DAYS:] *= times
        level = smoothing.Smoothing().track(tiny_panel({"A": prices.tolist()}), 14)[PAST_DAYS + 6 : PAST_DAYS + 14]
        ahead = np.lib.stride_tricks.sliding_window_view(prices[PAST_DAYS + 7 :], 14)[:8]
        level_errors.append(np.sqrt(np.mean((level - ahead) ** 2)))
        last_errors.append(np.sqrt(np.mean((prices[PAST_DAYS + 6 : PAST_DAYS + 14, None] - ahead) ** 2)))
    # Levels that are never left were 1.6 times as far away after a fall, and 1.1 after a rise.
    assert np.mean(level_errors) < np.mean(last_errors)


@given(noise=st.sampled_from([0.01, 0.1]), sale=st.floats(0.05, 20), day=st.integers(0, 40), seed=st.integers(0, 2**32 - 1))
def test_one_strange_day_is_no_new_level(noise, sale, day, seed):
    prices = 10 * np.exp(noise * np.random.default_rng(seed).uniform(-1, 1, PAST_DAYS))
    prices[-1 - day] *= sale
    assert broken_at_the_end(tiny_panel({"A": prices.tolist()}))[0] < 0.2


@given(new=st.floats(0.5, 2), since=st.integers(1, 40))
def test_a_price_on_a_shelf_has_no_level_to_leave(new, since):
    weeks = np.repeat(np.random.default_rng(1).choice([9.0, 10.0], PAST_DAYS // 7), 7).tolist()
    assert broken_at_the_end(tiny_panel({"A": weeks + [10 * new] * since}))[0] == 0


def test_a_price_that_never_moved_has_its_own_level_to_the_last_bit():
    history = tiny_panel({"A": [0.1] * PAST_DAYS})
    assert broken_at_the_end(history)[0] == 0
    assert (smoothing.Smoothing().track(history, 14) == 0.1).all()


def broken_at_the_end(history: Panel) -> tuple[float, float]:
    level = smoothing._levels(history)[0][:, smoothing._OF_BREAKS]
    chance, since = breaks.broken(history, level, np.zeros(1, dtype=np.intp), history.last)
    return float(chance[0]), float(since[0])


def known(history: Panel) -> list[float | None]:
    """Its records."""
    return [price if seen else None for price, seen in zip(history.price[0].tolist(), history.observed[0], strict=True)]
