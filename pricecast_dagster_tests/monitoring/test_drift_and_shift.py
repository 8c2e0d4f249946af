"""Drift and shifts: found where they are, and seldom where they are not."""

import numpy as np
from scipy.stats import ks_2samp

from pricecast_dagster.forecasting import drift, noise, shift


def wandering(rng: np.random.Generator, n: int, days: int, memory: float = 0.9) -> np.ndarray:
    """Series whose days hang together, as prices do, and that always look the same."""
    noise = rng.normal(size=(n, days + 100))
    series = np.zeros_like(noise)
    for day in range(1, days + 100):
        series[:, day] = memory * series[:, day - 1] + noise[:, day]
    return series[:, 100:]


def test_the_statistic_and_the_p_value_are_scipys_where_days_are_independent() -> None:
    rng = np.random.default_rng(1)
    past, recent = np.round(rng.normal(size=(40, 300)), 1), np.round(rng.normal(0.3, 1, size=(40, 60)), 1)
    found = drift.compare(past, recent)
    for row in range(40):
        expected = ks_2samp(past[row], recent[row], method="asymp")
        assert abs(found.statistic[row] - expected.statistic) < 1e-12
    # Estimated autocorrelations of independent days are not exactly 0: the p-value is a little larger, never much smaller.
    expected_p = np.array([ks_2samp(past[row], recent[row], method="asymp").pvalue for row in range(40)])
    assert (found.p_value >= expected_p * 0.5).all()


def test_ten_thousand_quiet_series_give_a_handful_of_alarms() -> None:
    series = wandering(np.random.default_rng(2), 10_000, 393)
    quiet = drift.compare(series[:, :365], series[:, 365:])
    assert quiet.moved().sum() <= 10
    naive = np.array([ks_2samp(row[:365], row[365:], method="asymp").pvalue < 0.01 for row in series[:300]])
    assert naive.mean() > 0.3  # what the test at its face value would have said


def test_a_distribution_that_has_moved_is_found_among_many_that_have_not() -> None:
    rng = np.random.default_rng(3)
    series = rng.normal(size=(2000, 393))
    series[:20, 365:] += 3.0
    moved = drift.compare(series[:, :365], series[:, 365:]).moved()
    assert moved[:20].all()
    assert moved[20:].sum() <= 1


def test_small_samples_are_called_small_and_constant_prices_are_no_drift() -> None:
    rng = np.random.default_rng(4)
    steps = np.repeat(rng.normal(size=(1, 29)), 14, axis=1)[:, :393]  # two weeks at a price: two observations in four weeks
    constant = np.full((1, 393), 5.0)
    found = drift.compare(np.concatenate([steps, constant])[:, :365], np.concatenate([steps, constant])[:, 365:])
    assert found.small.tolist() == [True, False]
    assert not found.moved().any()


def test_the_correction_is_that_of_benjamini_and_yekutieli() -> None:
    rng = np.random.default_rng(5)
    p_values = np.concatenate([rng.uniform(size=50), rng.uniform(0, 1e-4, size=10)])
    harmonic = sum(1 / rank for rank in range(1, 61))
    ordered = sorted(p_values)
    largest = max((p for rank, p in enumerate(ordered, start=1) if p <= 0.05 * rank / (60 * harmonic)), default=-1.0)
    assert drift.discoveries(p_values, 0.05).tolist() == [p <= largest for p in p_values]


def with_promotions(days: int, length: int = 3) -> np.ndarray:
    """Every three weeks some days at 8 instead of 10."""
    return np.array([[8.0 if day % 21 < length else 10.0 for day in range(days)]])


def test_a_price_that_moves_for_good_is_found_within_days_and_a_usual_promotion_is_not() -> None:
    past = with_promotions(300)
    observed = np.ones(past.shape, dtype=bool)
    usual = shift.naive_errors(with_promotions(328))[:, 300:]
    assert shift.find_shifts(usual, past, observed).severity[0] < 1
    moved = with_promotions(328)
    moved[:, 310:] *= 0.75
    errors = shift.naive_errors(moved)[:, 300:]
    assert shift.find_shifts(errors[:, :9], past, observed).severity[0] < 1
    found = shift.find_shifts(errors[:, :15], past, observed)
    assert found.severity[0] >= 1
    assert not found.upwards[0]
    assert found.since[0] >= 9


def test_of_a_past_too_short_nothing_is_said() -> None:
    errors = np.full((1, 28), 5.0)
    assert np.isnan(shift.find_shifts(errors, np.full((1, 40), 10.0), np.ones((1, 40), dtype=bool)).severity[0])


def around_a_level(days: int, n: int, spread: float = 0.3) -> np.ndarray:
    """(n, days) prices that jump about 10."""
    return 10 + np.random.default_rng(6).normal(0, spread, (n, days))


def found_noise(prices: np.ndarray, until: int) -> noise.Noise:
    """On a day, of products for which their level was forecast all along."""
    errors = prices[:, until - 28 : until] - 10
    past = prices[:, : until - 28]
    return noise.find_noise(errors, past, np.ones(past.shape, dtype=bool))


def test_a_price_that_becomes_three_times_as_noisy_is_found_within_three_weeks_and_a_quiet_one_is_not() -> None:
    prices = around_a_level(330, 200)
    quiet = np.array([found_noise(prices, until).severity for until in range(310, 331)])
    assert (quiet >= 1).any(axis=0).mean() <= 0.02
    prices[:, 309:] = 10 + 3 * (prices[:, 309:] - 10)
    assert not (found_noise(prices, 310).severity >= 1).any()
    after = found_noise(prices, 330)
    assert (after.severity >= 1).mean() > 0.95
    assert 2 < np.median(after.times) < 4
    assert abs(np.median(after.since) - 7) <= 1  # of the 28 errors, noisy from the eighth on


def test_a_price_that_moves_for_good_is_no_noise_and_noise_is_no_shift() -> None:
    moved, noisy = around_a_level(330, 200), around_a_level(330, 200)
    moved[:, 309:] += 4
    noisy[:, 309:] = 10 + 3 * (noisy[:, 309:] - 10)
    past, known = moved[:, :302], np.ones((200, 302), dtype=bool)
    assert (found_noise(moved, 330).severity >= 1).mean() <= 0.02
    assert (shift.find_shifts(moved[:, 302:] - 10, past, known).severity >= 1).all()
    assert (found_noise(noisy, 330).severity >= 1).mean() > 0.95
    assert (shift.find_shifts(noisy[:, 302:] - 10, past, known).severity >= 1).mean() < 0.2


def test_whether_noise_is_found_does_not_depend_on_who_else_is_looked_at_and_gaps_are_no_noise() -> None:
    prices = around_a_level(330, 30)
    prices[:10, 315:] = 10 + 3 * (prices[:10, 315:] - 10)
    together = found_noise(prices, 330)
    alone = [found_noise(prices[[number]], 330) for number in range(30)]
    for name in ("severity", "times", "since"):
        assert np.array_equal(getattr(together, name), np.concatenate([getattr(one, name) for one in alone]))
    errors = prices[:, 302:] - 10
    errors[:, 1::2] = np.nan
    past = prices[:, :302]
    gaps = noise.find_noise(errors, past, np.ones(past.shape, dtype=bool))
    assert (gaps.severity == 0).all()  # no two days beside each other are known
    assert np.isnan(noise.find_noise(errors, past[:, :40], np.ones((30, 40), dtype=bool)).severity).all()
