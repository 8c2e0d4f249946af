"""The generated kinds of price have the statistics that were measured on real sets of that kind."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pricecast_dagster_tests.accuracy.kinds import KINDS, history_of

PRODUCTS = 60


def observed_prices(kind: str) -> list[NDArray[np.float64]]:
    return [rows["price"].to_numpy() for _, rows in history_of(kind, PRODUCTS, 4).groupby("sku")]


def change_share(prices: list[NDArray[np.float64]]) -> float:
    """Share of days whose price differs from the observation before, the mean of the products."""
    return float(np.mean([np.mean(own[1:] != own[:-1]) for own in prices]))


def never_changing(prices: list[NDArray[np.float64]]) -> float:
    return float(np.mean([np.ptp(own) == 0 for own in prices]))


def comeback_share(prices: list[NDArray[np.float64]]) -> float:
    """Share of changes that lead exactly to the price before the last change."""
    back = []
    for own in prices:
        levels = own[np.concatenate([[True], own[1:] != own[:-1]])]
        back += (levels[2:] == levels[:-2]).tolist()
    return float(np.mean(back)) if back else 0.0


def exact_fortnights(prices: list[NDArray[np.float64]]) -> float:
    """Share of fortnights over which the price before them stays exact."""
    return float(np.mean([np.all(own[end - 13 : end + 1] == own[end - 14]) for own in prices for end in range(59, len(own), 14)]))


@pytest.mark.parametrize(
    ("kind", "changes", "comebacks"),
    [
        ("shelf", (0.03, 0.08), (0.3, 0.5)),  # cash-and-carry: 6 %, 39 %
        ("board", (0.0005, 0.005), (0.35, 0.7)),  # big-box: 0.2 % of days, 43 %
        ("high_low", (0.04, 0.08), (0.4, 0.7)),  # orange juice: 46 % of weeks
        ("campaign", (0.14, 0.24), (0.0, 0.4)),  # one product with long promotions: 19 %, 33 %
        ("vegetable", (0.25, 0.42), (0.1, 0.35)),  # 30 %, 15 to 34 %
        ("wholesale", (0.45, 0.75), (0.05, 0.25)),  # 51 %, 22 %
        ("till_average", (0.9, 1.0), (0.0, 0.1)),
        ("constant", (0.0, 0.0), (0.0, 0.0)),
        ("level_shift", (0.005, 0.03), (0.0, 0.1)),
    ],
)
def test_a_kind_changes_and_comes_back_as_often_as_real_prices_of_it(kind, changes, comebacks):
    prices = observed_prices(kind)
    assert changes[0] <= change_share(prices) <= changes[1]
    assert comebacks[0] <= comeback_share(prices) <= comebacks[1]


def test_two_thirds_of_fortnights_on_a_shelf_and_nearly_all_on_a_board_see_no_change():
    assert 0.55 <= exact_fortnights(observed_prices("shelf")) <= 0.75
    assert exact_fortnights(observed_prices("board")) >= 0.95


def test_a_seventh_of_shelf_prices_and_a_quarter_of_board_prices_never_change():
    assert 0.08 <= never_changing(observed_prices("shelf")) <= 0.3
    assert 0.15 <= never_changing(observed_prices("board")) <= 0.7


def test_boards_change_on_one_weekday_only():
    rows = history_of("board", PRODUCTS, 4)
    changed = rows[(rows["sku"] == rows["sku"].shift()) & (rows["price"] != rows["price"].shift())]
    assert changed["date"].dt.day_of_week.nunique() == 1


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_product_is_the_same_however_many_there_are(kind):
    alone = history_of(kind, 1, 9)
    among = history_of(kind, 3, 9)
    among = among[among["sku"] == alone["sku"].iloc[0]].reset_index(drop=True)
    assert alone.equals(among)
