"""The 45 features: cases worked out by hand."""

import numpy as np
import pytest

from pricecast_dagster.forecasting.calendar import HolidayCalendar, calendar_features
from pricecast_dagster.forecasting.features import feature_cube, feature_rows
from pricecast_dagster.schemas import FEATURE_COLUMNS
from pricecast_dagster.testing import tiny_panel

BRAZIL = HolidayCalendar("BR")


def column(cube: np.ndarray, name: str) -> list[float]:
    return cube[0, :, FEATURE_COLUMNS.index(name)].tolist()


def test_there_are_45_features_a_day():
    cube = feature_cube(tiny_panel({"A": [1.0, 2.0], "B": [3.0, 4.0]}), BRAZIL)
    assert cube.shape == (2, 2, 45)
    assert cube.dtype == np.float64


def test_a_lag_is_the_price_of_that_many_days_before():
    cube = feature_cube(tiny_panel({"A": [1.0, 2.0, 3.0, 4.0]}), BRAZIL)
    np.testing.assert_array_equal(column(cube, "price_lag_1"), [np.nan, 1.0, 2.0, 3.0])
    np.testing.assert_array_equal(column(cube, "price_lag_2"), [np.nan, np.nan, 1.0, 2.0])


def test_a_window_is_missing_until_it_is_full_and_ends_the_day_before():
    cube = feature_cube(tiny_panel({"A": [float(day) for day in range(1, 10)]}), BRAZIL)
    np.testing.assert_array_equal(column(cube, "price_rolling_mean_7"), [np.nan] * 7 + [4.0, 5.0])
    np.testing.assert_array_equal(column(cube, "price_rolling_min_7"), [np.nan] * 7 + [1.0, 2.0])
    np.testing.assert_array_equal(column(cube, "price_rolling_max_7"), [np.nan] * 7 + [7.0, 8.0])


def test_the_standard_deviation_is_the_samples():
    cube = feature_cube(tiny_panel({"A": [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 8.0, 8.0]}), BRAZIL)
    assert column(cube, "price_rolling_std_7")[7] == pytest.approx(np.sqrt(7.0))


def test_days_without_a_record_count_in_windows_with_the_last_price_and_quantity_zero():
    cube = feature_cube(tiny_panel({"A": [14.0, *[None] * 6, 7.0]}, quantities={"A": [7, *[None] * 6, 1]}), BRAZIL)
    assert column(cube, "price_rolling_mean_7")[7] == 14.0
    assert column(cube, "quantity_rolling_sum_7")[7] == 7.0
    assert column(cube, "quantity_rolling_mean_7")[7] == 1.0
    assert column(cube, "quantity_lag_1")[7] == 0.0


def test_derived_features_compare_the_last_known_price_with_its_means():
    prices = [*[10.0] * 29, 17.0, 99.0]
    cube = feature_cube(tiny_panel({"A": prices}), BRAZIL)
    assert column(cube, "price_vs_ma7")[30] == pytest.approx(17 / 11)
    assert column(cube, "price_vs_ma30")[30] == pytest.approx(17 / (307 / 30))
    assert column(cube, "price_volatility_7")[30] == pytest.approx(np.sqrt(7.0) / 11)


@pytest.mark.parametrize("price", [0.01, 0.1, 3.3, 19.99, 1e6 / 3])
def test_a_price_that_never_moved_has_exactly_its_own_mean_and_no_deviation(price):
    cube = feature_cube(tiny_panel({"A": [price] * 40}), BRAZIL)[0, 30:]
    named = {name: set(cube[:, position].tolist()) for position, name in enumerate(FEATURE_COLUMNS)}
    for window in (7, 14, 30):
        assert named[f"price_rolling_mean_{window}"] == {price}
        assert named[f"price_rolling_std_{window}"] == {0.0}
    assert named["price_vs_ma7"] == named["price_vs_ma30"] == {1.0}
    assert named["price_volatility_7"] == {0.0}


def test_tiny_moves_of_a_large_price_keep_their_digits():
    moves = np.random.default_rng(5).choice([0.0, 0.01], 40)
    small = feature_cube(tiny_panel({"A": (1.0 + np.round(moves / 0.01)).tolist()}), BRAZIL)
    large = feature_cube(tiny_panel({"A": (1e6 + moves).tolist()}), BRAZIL)
    for window in (7, 14, 30):
        name = f"price_rolling_std_{window}"
        np.testing.assert_allclose(np.array(column(large, name)) / 0.01, column(small, name), rtol=1e-7)


def test_an_absurd_quantity_shows_as_infinite_and_not_as_missing():
    with np.errstate(over="ignore"):
        cube = feature_cube(tiny_panel({"A": [1.0] * 8}, quantities={"A": [0, 1e200, 0, 0, 0, 0, 0, 0]}), BRAZIL)
    assert column(cube, "quantity_rolling_std_7")[7] == np.inf


def test_rows_need_all_thirty_days_before_them():
    days = np.array(["2026-01-01"], dtype="datetime64[D]")
    with pytest.raises(ValueError, match="features need the 30 days before a row, got 29"):
        feature_rows(np.ones((29, 1)), np.ones((29, 1)), calendar_features(days, BRAZIL))


def test_no_rows_give_no_features():
    assert feature_rows(np.ones((30, 0)), np.ones((30, 0)), np.ones((0, 11))).shape == (0, 45)
    assert feature_cube(tiny_panel({}), BRAZIL).shape == (0, 0, 45)


def test_a_forecast_that_fell_to_nothing_has_no_ratios_and_raises_no_warning():
    row = feature_rows(np.zeros((30, 1)), np.zeros((30, 1)), np.ones((1, 11)))[0]
    assert np.isnan(row[FEATURE_COLUMNS.index("price_vs_ma7")])
    assert row[FEATURE_COLUMNS.index("price_rolling_mean_7")] == 0.0
