"""Settling on a price: staying, going all the way back, or lying in between."""

import numpy as np
import pytest

from pricecast_dagster.forecasting.settling import BOLD, CAUTIONS, NOISE, READY, STICKY_CAUTIONS, STILL, WARY, settled

GONE = 0.0
"""No chance that the price still stands."""


def one(last: float, before: float, moves: list[float], caution: str = READY, stays: float = GONE) -> list[float]:
    chances = np.full((1, len(moves)), stays)
    prices: list[float] = settled(np.array([last]), np.array([before]), np.array([moves]), chances, [caution])[0].tolist()
    return prices


def test_a_small_move_is_none_and_a_large_one_goes_further_by_the_chance_that_the_price_is_gone():
    further = 1 + CAUTIONS[READY].further
    limit = 100 * CAUTIONS[READY].least_move / further
    near, far = one(100.0, 100.0, [0.99 * limit, 1.01 * limit])
    assert (near, far) == (100.0, pytest.approx(100 + 1.01 * limit * further))
    assert one(100.0, 100.0, [-20.0], stays=0.5) == [pytest.approx(100 - 20 * (1 + CAUTIONS[READY].further / 2))]


def test_a_price_that_may_well_stand_is_left_for_a_long_move_alone():
    caution = CAUTIONS[WARY]
    least = 100 * caution.while_standing * np.sqrt(0.25) / (1 + caution.further * 0.75)
    stayed, left = one(100.0, 100.0, [0.99 * least, 1.01 * least], WARY, stays=0.25)
    assert stayed == 100.0
    assert left > 112


@pytest.mark.parametrize("caution", [name for name in STICKY_CAUTIONS if name != STILL])
def test_a_price_that_probably_stands_is_not_left_at_all(caution):
    limit = CAUTIONS[caution].stands
    assert one(100.0, 100.0, [-60.0, 60.0], caution, stays=limit + 0.001) == [100.0, 100.0]
    assert 100.0 not in one(100.0, 100.0, [-60.0, 60.0], caution, stays=limit)


def test_the_more_cautious_the_fewer_days_leave_the_last_price():
    generator = np.random.default_rng(1)
    moves, stays = generator.normal(0, 15, (50, 14)), generator.random((50, 14))
    last, before = np.full(50, 100.0), generator.normal(100, 20, 50)
    left = [(settled(last, before, moves, stays, [name] * 50) != 100.0).sum() for name in STICKY_CAUTIONS]
    assert left[0] == 0
    assert left == sorted(left)


def test_a_move_nearly_all_the_way_back_ends_at_the_price_before_to_the_cent_and_never_beyond():
    assert one(79.9, 99.9, [0.6 * 20, 0.9 * 20, 20.3]) == [99.9, 99.9, 99.9]


def test_a_move_half_of_the_way_back_stays_between_and_a_fifth_of_it_is_none():
    assert one(60.0, 100.0, [20.0, 0.19 * 40]) == [pytest.approx(60 + 20 * 1.3), 60.0]


def test_a_move_away_from_the_price_before_is_not_held_back():
    assert one(60.0, 100.0, [-6.0]) == [pytest.approx(60 - 6 * 1.3)]


def test_noise_knows_no_price_before_and_no_chances():
    assert one(60.0, 100.0, [0.9 * 40, 2.0], NOISE, stays=1.0) == [96.0, 62.0]


def test_every_product_is_settled_by_its_own_caution():
    last, before = np.array([60.0, 60.0, 60.0]), np.array([100.0, 100.0, 100.0])
    prices = settled(last, before, np.full((3, 1), 36.0), np.zeros((3, 1)), [NOISE, BOLD, STILL])
    assert prices.tolist() == [[96.0], [100.0], [60.0]]
