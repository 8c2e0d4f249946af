"""The generated kinds of price have the statistics that were measured on real sets of that kind."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pricecast_dagster.forecasting.baselines import SIMPLE_METHODS
from pricecast_dagster.forecasting.panel import Panel, build_panel
from pricecast_dagster_tests.accuracy.kinds import KINDS, history_of

PRODUCTS = 60


def observed_prices(kind: str) -> list[NDArray[np.float64]]:
    return [rows["price"].to_numpy() for _, rows in history_of(kind, PRODUCTS, 4).groupby("sku")]


def mean_errors(panel: Panel) -> dict[str, float]:
    """Simple method -> the mean over products and four origins of the root of a fortnight's mean squared error."""
    last_day = panel.n_days - 1
    columns = np.repeat([last_day - 14 * back for back in (1, 2, 3, 4)], panel.n_skus)
    asked = panel.select(np.tile(np.arange(panel.n_skus), 4))
    rows, ahead = np.arange(len(columns))[:, None], columns[:, None] + 1 + np.arange(14)
    seen = asked.observed[rows, ahead]
    squares = {name: (method(asked, columns, 14) - asked.price[rows, ahead]) ** 2 for name, method in SIMPLE_METHODS.items()}
    some = seen.any(axis=1)
    return {name: float(np.sqrt(square[some].mean(axis=1, where=seen[some])).mean()) for name, square in squares.items()}


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


def relative_changes(prices: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Every change as a share of the price before it."""
    steps = [np.diff(own) / own[:-1] for own in prices]
    return np.concatenate([step[step != 0] for step in steps])


def days_between_changes(kind: str) -> NDArray[np.float64]:
    gaps = []
    for _, rows in history_of(kind, PRODUCTS, 4).groupby("sku"):
        changed = rows["date"][rows["price"] != rows["price"].shift()].iloc[1:]
        gaps.append(changed.diff().dropna().dt.days.to_numpy())
    return np.concatenate(gaps)


@pytest.mark.parametrize(
    ("kind", "changes", "comebacks"),
    [
        ("shelf", (0.045, 0.075), (0.33, 0.45)),  # cash-and-carry: 6 %, 39 %
        ("board", (0.0012, 0.004), (0.35, 0.6)),  # big-box: 0.2 % of days, 43 %
        ("high_low", (0.055, 0.075), (0.15, 0.35)),  # orange juice: 46 % of weeks, 23 %
        ("campaign", (0.15, 0.23), (0.2, 0.4)),  # one product with long promotions: 19 %, 33 %
        ("vegetable", (0.25, 0.35), (0.13, 0.34)),  # 30 %, 15 to 34 %
        ("wholesale", (0.45, 0.57), (0.14, 0.28)),  # 51 %, 22 %
        ("till_average", (0.6, 0.8), (0.1, 0.3)),  # online gifts: 68 %, 22 %
        ("constant", (0.0, 0.0), (0.0, 0.0)),
        ("level_shift", (0.005, 0.03), (0.0, 0.1)),
    ],
)
def test_a_kind_changes_and_comes_back_as_often_as_real_prices_of_it(kind, changes, comebacks):
    prices = observed_prices(kind)
    assert changes[0] <= change_share(prices) <= changes[1]
    assert comebacks[0] <= comeback_share(prices) <= comebacks[1]


@pytest.mark.parametrize(
    ("kind", "real"),
    [
        ("shelf", (-0.28, -0.12, 0.14, 0.41)),
        ("board", (-0.32, -0.11, 0.14, 0.46)),
        ("high_low", (-0.33, -0.12, 0.11, 0.50)),
        ("campaign", (-0.27, -0.07, 0.04, 0.37)),
        ("vegetable", (-0.25, -0.10, 0.11, 0.33)),
        ("wholesale", (-0.22, -0.08, 0.08, 0.30)),
        ("till_average", (-0.50, -0.18, 0.23, 1.01)),
    ],
)
def test_changes_are_as_large_as_real_ones(kind, real):
    """By the 5, 25, 75 and 95 % quantiles, each within a half of the real one, or 8 points where that is small."""
    found = np.quantile(relative_changes(observed_prices(kind)), [0.05, 0.25, 0.75, 0.95])
    assert (np.abs(found - real) <= np.maximum(0.5 * np.abs(real), 0.08)).all(), found


@pytest.mark.parametrize(
    ("kind", "real"),
    [
        ("shelf", (1, 3, 38)),
        ("high_low", (7, 7, 35)),
        ("campaign", (1, 2, 18)),
        ("vegetable", (1, 1, 19)),
        ("wholesale", (1, 1, 6)),
        ("till_average", (1, 1, 7)),
    ],
)
def test_changes_follow_one_another_as_soon_as_real_ones(kind, real):
    """By the 5, 50 and 95 % quantiles in days, each within a factor of two; boards are too rare to tell in two years."""
    found = np.quantile(days_between_changes(kind), [0.05, 0.5, 0.95])
    assert (found <= 2 * np.array(real)).all(), found
    assert (found >= np.array(real) / 2).all(), found


@pytest.mark.parametrize(
    ("kind", "real"),
    [
        ("shelf", {"7-day mean": 0.97, "28-day mean": 1.19, "SES": 0.98}),
        ("vegetable", {"7-day mean": 1.14, "28-day mean": 1.35, "SES": 1.03}),
        ("wholesale", {"7-day mean": 1.12, "28-day mean": 1.48, "SES": 1.04}),
        ("till_average", {"7-day mean": 0.79, "28-day mean": 0.76, "SES": 0.76}),
    ],
)
def test_moves_last_as_long_as_real_ones(kind, real):
    """By what averaging is worth: RMSE ratios of simple methods to the last value over a fortnight, each within 12 points."""
    errors = [mean_errors(build_panel(history_of(kind, PRODUCTS, seed))) for seed in (4, 5, 11)]
    found = {name: np.mean([each[name] / each["last value"] for each in errors]) for name in real}
    assert all(abs(found[name] - ratio) <= 0.12 for name, ratio in real.items()), found


def test_two_thirds_of_fortnights_on_a_shelf_and_nearly_all_on_a_board_see_no_change():
    assert 0.55 <= exact_fortnights(observed_prices("shelf")) <= 0.75
    assert exact_fortnights(observed_prices("board")) >= 0.95


def test_a_seventh_of_shelf_prices_and_a_quarter_of_board_prices_never_change():
    assert 0.1 <= never_changing(observed_prices("shelf")) <= 0.2
    assert 0.2 <= never_changing(observed_prices("board")) <= 0.45


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
