"""Bands from past errors."""

import numpy as np
import pytest

from pricecast_dagster.forecasting.interval_prior import PRIOR_SCORES
from pricecast_dagster.forecasting.intervals import Errors, half_widths, past_coverage, recent_spread
from pricecast_dagster.forecasting.recipe import Kind
from pricecast_dagster.schemas import LEVELS

BLOCK = np.repeat(np.arange(6), 14)


def errors(sizes: np.ndarray, kind: Kind = Kind.NOISY, spread: float = 1.0) -> Errors:
    return Errors(sizes, BLOCK[: len(sizes)], kind, spread)


def unknown() -> Errors:
    return errors(np.full((0, 14), np.nan))


def test_bands_of_noise_cover_what_they_promise():
    generator = np.random.default_rng(5)
    inside = []
    for _ in range(150):
        past = errors(generator.normal(0, 2.0, (84, 14)), spread=2.0)
        widths = half_widths(past, 14)
        inside.append(np.abs(generator.normal(0, 2.0, 14)) <= widths)
    assert np.mean(inside, axis=(0, 2)) == pytest.approx([0.80, 0.95], abs=0.03)


def test_bands_of_a_wandering_price_widen_with_the_days_ahead():
    generator = np.random.default_rng(6)
    walks = np.cumsum(generator.normal(0, 1.0, (84, 14)), axis=1)
    widths = half_widths(errors(walks, Kind.STICKY, spread=3.0), 14)
    assert (widths[:, 13] > 2 * widths[:, 0]).all()


@pytest.mark.parametrize("kind", Kind)
def test_a_higher_level_is_never_narrower_whatever_the_past(kind):
    for seed in range(30):
        generator = np.random.default_rng(seed)
        sizes = generator.standard_t(2, (56, 14)) * (generator.random((56, 14)) < 0.3)
        sizes[generator.random((56, 14)) < 0.4] = np.nan
        widths = half_widths(errors(sizes, kind), 60)
        assert widths.shape == (len(LEVELS), 60)
        assert (np.diff(widths, axis=0) >= 0).all()
        assert (widths >= 0).all()


def test_without_a_past_the_other_products_decide():
    narrow, wide = half_widths(unknown(), 14)
    assert (narrow > 0).all()
    assert (narrow < wide).all()


def test_one_bad_window_among_flat_ones_makes_no_band_beyond_the_worst_that_was_seen():
    sizes = np.zeros((84, 14))
    sizes[70:] = 12.0
    widths = half_widths(errors(sizes, Kind.STICKY, spread=0.01), 14)
    assert widths.max() <= 12.0


def test_bands_scale_with_the_price():
    sizes = np.random.default_rng(7).normal(0, 1, (84, 14))
    dear = half_widths(errors(sizes * 1000, spread=1000.0), 14)
    np.testing.assert_allclose(dear, 1000 * half_widths(errors(sizes), 14), rtol=1e-12)


def test_coverage_on_the_past_is_measured_on_days_that_the_bands_did_not_see():
    calm, wild = np.full((14, 14), 0.1), np.full((14, 14), 50.0)
    past = errors(np.concatenate([calm, calm, calm, calm, calm, wild]))
    coverage = past_coverage(past)
    assert coverage[80] == pytest.approx(5 / 6)
    assert past_coverage(errors(calm)) == {80: None, 95: None}


def test_the_spread_of_a_constant_price_is_small_and_not_zero():
    assert recent_spread(np.full(100, 20.0)) == pytest.approx(0.06)
    assert recent_spread(np.concatenate([np.full(100, 5.0), np.full(90, 20.0)])) == pytest.approx(0.06)


@pytest.mark.parametrize("kind", Kind)
def test_the_shipped_scores_are_a_hundred_quantiles(kind):
    scores = PRIOR_SCORES[kind]
    assert len(scores) == 100
    assert list(scores) == sorted(scores)
    assert scores[0] >= 0
