"""Bands of noise and the scores of its earlier past: against the oracle, and what they may depend on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.earlier import earlier_scores
from pricecast_dagster.forecasting.intervals import reaches
from pricecast_dagster.forecasting.past_errors import Errors
from pricecast_dagster.forecasting.recipe import Kind, default_recipe
from pricecast_dagster.forecasting.validation import RULE_WARM_UP_DAYS, Track, track_rules
from pricecast_dagster.schemas import LEVELS
from pricecast_dagster.testing import tiny_panel
from pricecast_dagster_tests.oracles import intervals as oracle

CALENDAR = HolidayCalendar("BR")
REHEARSED_DAYS = 42


def noise(seed: int, days: int, gap: slice = slice(0)) -> list[float | None]:
    """Prices about a level with heavy tails, and days without one; none at all in a gap."""
    random = np.random.default_rng(seed)
    prices = 20 * np.exp(0.1 * random.standard_t(4, days))
    known = random.random(days) < 0.8
    known[gap] = False
    known[[0, -1]] = True
    return [round(price, 2) if seen else None for price, seen in zip(prices, known, strict=True)]


def past_of(prices: list[float | None]) -> tuple[Track, NDArray[np.intp], NDArray[np.float64]]:
    """The rules' track, the origins before six rehearsed weeks, and what smoothing alone was off by there."""
    track = track_rules(tiny_panel({"A": prices}), CALENDAR, default_recipe())
    columns = np.flatnonzero(track.counted.any(axis=1))
    columns = columns[columns < len(prices) - 1 - REHEARSED_DAYS]
    forecasts = track.forecasts[track.rules.index("smoothing"), columns]
    return track, columns, np.where(track.counted[columns], forecasts - track.actual[columns], np.nan)


@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**32 - 1), days=st.integers(60, 260), gap_from=st.integers(1, 200), gap_days=st.sampled_from([0, 5, 120])
)
def test_scores_of_the_earlier_past_are_what_plain_python_says(seed, days, gap_from, gap_days):
    prices = noise(seed, days, slice(gap_from, gap_from + gap_days))
    track, columns, errors = past_of(prices)
    known = {day: price for day, price in enumerate(prices) if price is not None and day > RULE_WARM_UP_DAYS}
    expected = oracle.earlier_scores(columns.tolist(), errors.tolist(), known)
    assert earlier_scores(track, columns, errors) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    origins=st.integers(1, 42),
    earlier=st.integers(0, 100),
    spread=st.sampled_from([0.01, 1.0, 30.0]),
    level=st.sampled_from(LEVELS),
)
def test_bands_of_noise_are_what_plain_python_says(seed, origins, earlier, spread, level):
    random = np.random.default_rng(seed)
    errors = np.where(random.random((origins, 14)) < 0.8, random.exponential(2.0, (origins, 14)) - 1.0, np.nan)
    block = np.arange(origins) // 14
    before = np.sort(random.standard_t(3, earlier))
    past = Errors(errors, block, np.zeros(origins, dtype=np.intp), Kind.NOISY, spread, before)
    down, up = reaches(past, 14)[0, LEVELS.index(level)]
    expected = oracle.tails(errors.tolist(), block.tolist(), spread, before.tolist(), level / 100)
    assert (down, up) == (pytest.approx(expected[0], rel=1e-9), pytest.approx(expected[1], rel=1e-9))


@given(seed=st.integers(0, 2**32 - 1), times=st.sampled_from([1e-3, 7.0, 1e4]))
@settings(max_examples=10)
def test_how_noise_is_spread_does_not_depend_on_the_currency(seed, times):
    track, columns, errors = past_of(noise(seed, 250))
    dear = Track(track.rules, track.forecasts, times * track.last, track.before, track.stays, track.actual, track.counted)
    np.testing.assert_allclose(earlier_scores(dear, columns, times * errors), earlier_scores(track, columns, errors), rtol=1e-9)


def test_a_past_of_less_than_a_span_has_no_scores_and_a_long_one_counts_for_a_hundred_days():
    counts = [len(earlier_scores(*past_of(noise(1, days)))) for days in (60, 110, 150, 190, 600)]
    assert counts[:2] == [0, 0]
    assert 0 < counts[2] < counts[3] < 100
    assert counts[4] == 100


def test_the_tails_of_the_past_are_those_of_the_bands():
    """The same last weeks, once after quiet noise and once after noise with days far off."""
    random = np.random.default_rng(2)
    calm, wild = random.uniform(-1, 1, 300), random.standard_t(1.5, 300)
    errors = random.uniform(-1, 1, (42, 14))
    block, side = np.arange(42) // 14, np.zeros(42, dtype=np.intp)
    shapes = (np.quantile(before / np.abs(before).mean(), np.linspace(0.005, 0.995, 100)) for before in (calm, wild))
    narrow, wide = (reaches(Errors(errors, block, side, Kind.NOISY, 1.0, shape), 14) for shape in shapes)
    assert (narrow[:, 1] < wide[:, 1]).all()
    # Of days within one deviation, 80 % bands of the wild past are no wider: most of its days lie near.
    assert narrow[0, 0].sum() > wide[0, 0].sum()
