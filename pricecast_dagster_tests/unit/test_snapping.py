"""Snapping to prices that were there."""

import numpy as np

from pricecast_dagster.forecasting.recipe import Kind
from pricecast_dagster.forecasting.snapping import SNAPS, settled

STICKY = SNAPS[Kind.STICKY]


def one(last: float, before: float, moves: list[float], kind: Kind = Kind.STICKY) -> list[float]:
    prices: list[float] = settled(np.array([last]), np.array([before]), np.array([moves]), [kind])[0].tolist()
    return prices


def test_a_small_move_is_none_and_a_large_one_stays_as_it_is():
    limit = 100 * STICKY.near_last
    assert one(100.0, 100.0, [limit, -limit, limit + 0.01, -30.0]) == [100.0, 100.0, 100 + limit + 0.01, 70.0]


def test_a_move_nearly_all_the_way_back_ends_at_the_price_before_to_the_cent():
    assert one(79.9, 99.9, [0.75 * 20, 20.3, 1.25 * 20]) == [99.9, 99.9, 99.9]


def test_a_move_half_of_the_way_back_stays_between_and_a_fifth_of_it_is_none():
    assert one(60.0, 100.0, [20.0, 0.19 * 40]) == [80.0, 60.0]


def test_a_move_away_from_the_price_before_is_not_held_back():
    assert one(60.0, 100.0, [-6.0]) == [54.0]


def test_noise_knows_no_price_before():
    assert one(60.0, 100.0, [0.9 * 40, 2.0], Kind.NOISY) == [96.0, 62.0]


def test_every_product_is_settled_by_its_own_kind():
    last, before = np.array([60.0, 60.0]), np.array([100.0, 100.0])
    prices = settled(last, before, np.full((2, 1), 36.0), [Kind.NOISY, Kind.STICKY])
    assert prices.tolist() == [[96.0], [100.0]]
