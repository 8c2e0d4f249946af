"""Bands from past errors."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pricecast_dagster.forecasting.interval_prior import PRIOR_SCORES
from pricecast_dagster.forecasting.intervals import past_coverage, reaches
from pricecast_dagster.forecasting.past_errors import LATER_DAYS, Errors, recent_spread, sides
from pricecast_dagster.forecasting.recipe import Kind
from pricecast_dagster.schemas import LEVELS

BLOCK = np.repeat(np.arange(6), 14)
BELOW, NOT_BELOW = 0, 1
DOWN, UP = 0, 1

amounts = st.floats(-1e4, 1e4, allow_subnormal=False)


def errors(amounts_: np.ndarray, kind: Kind = Kind.NOISY, spread: float = 1.0, side: np.ndarray | None = None) -> Errors:
    block = BLOCK[: len(amounts_)] if len(amounts_) <= len(BLOCK) else np.arange(len(amounts_)) // 14
    return Errors(amounts_, block, np.full(len(amounts_), NOT_BELOW) if side is None else side, kind, spread)


def unknown(kind: Kind = Kind.NOISY) -> Errors:
    return errors(np.full((0, 14), np.nan), kind)


def widths_of(past: Errors, horizon_days: int) -> np.ndarray:
    """(levels, h) from the lower to the upper end, of a price that does not stand below the one before."""
    return reaches(past, horizon_days)[NOT_BELOW].sum(axis=1)


def test_bands_of_noise_cover_what_they_promise():
    generator = np.random.default_rng(5)
    inside = []
    for _ in range(150):
        ends = reaches(errors(generator.normal(0, 2.0, (84, 14)), spread=2.0), 14)[NOT_BELOW]
        inside.append(np.abs(generator.normal(0, 2.0, 14)) <= ends.min(axis=1))
    assert np.mean(inside, axis=(0, 2)) == pytest.approx([0.80, 0.95], abs=0.03)


def test_bands_of_skewed_noise_leave_as_much_below_as_above_wherever_the_price_stands():
    generator = np.random.default_rng(5)
    below, above = [], []
    # What comes is at times much cheaper, and never much dearer; also in the earlier past.
    before = np.quantile(2.0 - generator.exponential(2.0, 10_000), np.linspace(0.005, 0.995, 100)) / 1.47
    for _ in range(150):
        found = reaches(replace(errors(generator.exponential(2.0, (84, 14)) - 2.0, spread=2.0), earlier=before), 14)
        assert (found == found[:1]).all()
        came = 2.0 - generator.exponential(2.0, 14)
        below.append(came < -found[0, :, DOWN])
        above.append(came > found[0, :, UP])
    assert np.mean(below, axis=(0, 2)) == pytest.approx([0.10, 0.025], abs=0.025)
    assert np.mean(above, axis=(0, 2)) == pytest.approx([0.10, 0.025], abs=0.025)


def test_bands_of_a_wandering_price_widen_with_the_days_ahead():
    generator = np.random.default_rng(6)
    walks = np.cumsum(generator.normal(0, 1.0, (84, 14)), axis=1)
    widths = widths_of(errors(walks, Kind.STICKY, spread=3.0), 14)
    assert (widths[:, 13] > 2 * widths[:, 0]).all()


def test_bands_of_a_wandering_price_cover_what_they_promise():
    generator = np.random.default_rng(8)
    inside = []
    for _ in range(40):
        walk = np.cumsum(generator.normal(0, 1.0, 415))
        origins = np.arange(400)
        walks = walk[origins[:, None] + 1 + np.arange(14)] - walk[origins, None]
        ends = reaches(errors(-walks[:386], Kind.STICKY, spread=float(np.std(walk[310:400]))), 14)[NOT_BELOW]
        inside.append((walks[399] >= -ends[:, DOWN]) & (walks[399] <= ends[:, UP]))
    assert np.mean(inside, axis=(0, 2)) == pytest.approx([0.80, 0.95], abs=0.06)


def test_a_price_that_is_exact_on_nine_of_ten_days_has_no_80_percent_band_and_one_at_95():
    moved = np.zeros((300, 14))
    moved[::13] = -4.0
    ends = reaches(errors(moved, Kind.STICKY, spread=1.0), 14)[NOT_BELOW]
    assert (ends[0] == 0).all()
    assert ends[1, UP] == pytest.approx(np.full(14, 4.0))
    assert (ends[1, UP] >= 4.0).all()


def test_two_months_ahead_even_a_band_of_no_width_has_grown_to_what_may_come():
    moved = np.zeros((300, 14))
    moved[::13] = -4.0
    ends = reaches(errors(moved, Kind.STICKY, spread=1.0), 60)[NOT_BELOW, 0, UP]
    assert ends[13] == 0
    assert (np.diff(ends[13:]) >= 0).all()
    assert ends[59] == pytest.approx(4.0, rel=0.01)


def test_bands_of_noise_grow_a_little_after_the_fortnight():
    ends = reaches(errors(np.random.default_rng(5).normal(0, 2.0, (42, 14))), 60)
    assert (ends[..., 59] > 1.05 * ends[..., 13]).all()
    assert (ends[..., 59] < 1.1 * ends[..., 13]).all()
    assert (np.diff(ends[..., 13:], axis=-1) > 0).all()


def test_what_was_seen_of_the_weeks_after_the_fortnight_takes_the_place_of_growth_the_more_is_known():
    generator = np.random.default_rng(4)
    near = errors(generator.choice([-1.0, 0.0, 1.0], (600, 14)), Kind.STICKY)
    grown = reaches(near, 60)
    widths = []
    for origins in (0, 12, 60, 600):
        later = errors(generator.choice([-1.0, 0.0, 1.0], (origins, len(LATER_DAYS))), Kind.STICKY)
        found = reaches(near, 60, later)
        np.testing.assert_array_equal(found[..., :14], grown[..., :14])
        widths.append(found[NOT_BELOW, 1, :, 59].sum())
    assert widths[0] == grown[NOT_BELOW, 1, :, 59].sum()
    assert widths == sorted(widths, reverse=True)
    # Errors are 1 at most, whenever: with all that is known the band is hardly wider than that.
    assert 2.0 <= widths[-1] < 2.2


def test_from_a_promotion_the_band_goes_up_and_from_the_regular_price_down():
    generator = np.random.default_rng(3)
    side = generator.integers(0, 2, 300)
    up = np.where(side[:, None] == BELOW, 2.0, -2.0) * (generator.random((300, 14)) < 0.4)
    ends = reaches(errors(-up, Kind.STICKY, side=side), 14)
    for standing, way in ((BELOW, UP), (NOT_BELOW, DOWN)):
        assert ends[standing, 0, way] == pytest.approx(np.full(14, 2.0))
        assert (ends[standing, 0, 1 - way] == 0).all()


@given(
    kind=st.sampled_from(Kind),
    known=st.integers(0, 60).flatmap(
        lambda k: st.tuples(
            hnp.arrays(np.float64, (k, 14), elements=st.one_of(st.just(0.0), st.just(np.nan), amounts)),
            hnp.arrays(np.intp, k, elements=st.integers(0, 1)),
        )
    ),
    spread=st.floats(1e-3, 1e4),
    horizon_days=st.integers(1, 60),
    later=st.none()
    | st.integers(0, 20).flatmap(
        lambda k: hnp.arrays(np.float64, (k, len(LATER_DAYS)), elements=st.one_of(st.just(0.0), st.just(np.nan), amounts))
    ),
)
def test_bands_hold_their_forecast_and_a_higher_level_holds_the_lower_whatever_the_past(kind, known, spread, horizon_days, later):
    past = errors(known[0], kind, spread, known[1])
    later = later if later is None else errors(later, kind, spread)
    found = reaches(past, horizon_days, later)
    assert found.shape == (2, len(LEVELS), 2, horizon_days)
    assert (found >= 0).all()
    assert (np.diff(found, axis=1) >= 0).all()
    largest = past.worst * (horizon_days / 14) ** 0.5 if horizon_days > 14 else past.worst
    if later is not None and horizon_days > 14:
        largest = max(largest, later.worst)
    assert found.max() <= largest * (1 + 1e-6)


@given(
    moves=hnp.arrays(np.float64, (40, 14), elements=st.integers(-4, 4).map(float)),
    level=st.sampled_from(range(len(LEVELS))),
    ahead=st.integers(0, 13),
)
def test_no_shorter_band_holds_as_much_of_the_past(moves, level, ahead):
    """Against every pair of ends, by counting."""
    past = errors(-moves, Kind.STICKY, spread=1e-12)
    ends = reaches(past, 14)[NOT_BELOW, level, :, ahead]
    near = moves[:, max(0, ahead - 1) : ahead + 2]
    # 20 days of other products' scores, of a spread of nothing: they are the day's own scale times the table, at most its worst.
    own_scale = scale_by_hand(moves, ahead)
    others = np.minimum(np.array(PRIOR_SCORES[Kind.STICKY]) * own_scale, np.abs(moves).max())
    values = np.concatenate([near.ravel(), others, -others])
    weights = np.concatenate([np.full(near.size, 1 / near.shape[1]), np.full(200, 20 / 200)])
    need = min(LEVELS[level] / 100 * (weights.sum() + 3), weights.sum())

    def held(down, up):
        return weights[(values >= -down) & (values <= up)].sum()

    assert held(*ends) >= need - 1e-6
    candidates = np.unique(np.concatenate([np.abs(values), [0.0]]))
    best = min((down + up for down in candidates for up in candidates if held(down, up) >= need + 1e-6), default=np.inf)
    narrower = reaches(past, 14)[NOT_BELOW, 0, :, ahead].sum() if level else 0.0
    assert ends.sum() <= max(best, best + narrower if level else best) + 1e-6


def scale_by_hand(moves: np.ndarray, ahead: int) -> float:
    """Mean absolute error of the day ahead and two on either side, all days' weight, with ten days of (nearly) nothing."""
    sizes = np.abs(moves[:, max(0, ahead - 2) : ahead + 3])
    days = len(moves) + 13
    total = days / sizes.shape[1] / len(moves) * sizes.sum()
    return float(total / (days + 10))


@pytest.mark.parametrize("kind", Kind)
def test_without_a_past_the_other_products_decide(kind):
    narrow, wide = widths_of(unknown(kind), 14)
    assert (narrow > 0).all()
    assert (narrow < wide).all()


def test_one_bad_window_among_flat_ones_makes_no_band_beyond_the_worst_that_was_seen():
    amounts_ = np.zeros((84, 14))
    amounts_[70:] = 12.0
    assert reaches(errors(amounts_, Kind.STICKY, spread=0.01), 14).max() <= 12.0 * (1 + 1e-8)


@pytest.mark.parametrize("kind", Kind)
def test_bands_scale_with_the_price(kind):
    amounts_ = np.random.default_rng(7).normal(0, 1, (84, 14))
    dear = reaches(errors(amounts_ * 1000, kind, spread=1000.0), 14)
    np.testing.assert_allclose(dear, 1000 * reaches(errors(amounts_, kind), 14), rtol=1e-12)


def test_coverage_on_the_past_is_measured_on_days_that_the_bands_did_not_see():
    calm, wild = np.full((14, 14), 0.1), np.full((14, 14), 50.0)
    past = errors(np.concatenate([calm, calm, calm, calm, calm, wild]))
    coverage = past_coverage(past)
    assert coverage[80] == pytest.approx(5 / 6)
    assert past_coverage(errors(calm)) == {80: None, 95: None}


def test_days_that_rules_alone_forecast_are_evidence_and_not_judged():
    early, late = np.zeros((56, 14)), np.full((14, 14), 3.0)
    block = np.concatenate([np.full(56, -1), np.zeros(14)]).astype(np.intp)
    past = Errors(np.concatenate([early, late]), block, np.ones(70, dtype=np.intp), Kind.STICKY, 0.1)
    assert past_coverage(past) == {80: 0.0, 95: 0.0}


def test_the_spread_of_a_constant_price_is_small_and_not_zero():
    assert recent_spread(np.full(100, 20.0)) == pytest.approx(0.06)
    assert recent_spread(np.concatenate([np.full(100, 5.0), np.full(90, 20.0)])) == pytest.approx(0.06)


def test_a_price_that_never_changed_does_not_stand_below():
    assert sides(np.array([3.0, 3.0, 3.0]), np.array([4.0, 3.0, 2.0])).tolist() == [BELOW, NOT_BELOW, NOT_BELOW]


@pytest.mark.parametrize("kind", Kind)
def test_the_shipped_scores_are_a_hundred_quantiles(kind):
    scores = PRIOR_SCORES[kind]
    assert len(scores) == 100
    assert list(scores) == sorted(scores)
    assert scores[0] >= 0
