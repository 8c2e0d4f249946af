"""The tables of a backtest, against sums that can be done by hand."""

import numpy as np
import pandas as pd
import pytest

from pricecast_dagster.forecasting.comparison import Judged, by_horizon, by_method, by_product, judge
from pricecast_dagster.schemas import BACKTEST_COLUMNS
from pricecast_dagster.testing import tiny_panel

DAYS_BEFORE = 60


def judged(forecasts: dict[str, list[float]], actual: dict[str, list[float | None]], half_width: float = 1.0) -> Judged:
    """Forecasts made up by hand, from one origin whose last price is 10; the 95 % band is twice as wide."""
    panel = tiny_panel({sku: [*[10.0] * DAYS_BEFORE, *values] for sku, values in actual.items()}, first_day="2026-01-01")
    origin = panel.days[DAYS_BEFORE - 1]
    bands = np.array([-1, 1, -2, 2]) * half_width
    rows = [
        (sku, origin, origin + ahead, ahead, price, *(price + bands), "X")
        for sku, prices in forecasts.items()
        for ahead, price in enumerate(prices, start=1)
    ]
    return judge(pd.DataFrame(rows, columns=list(BACKTEST_COLUMNS)), panel)


def test_bands_are_scored_by_coverage_width_winkler_and_quantile_loss() -> None:
    own = by_method(judged({"A": [10.0, 12.0]}, {"A": [11.5, 12.0]})).set_index("method").loc["pricecast"]
    assert own["coverage_80"] == 0.5
    assert own["coverage_95"] == 1.0
    assert own["width_80"] == pytest.approx(2.0)
    assert own["width_95"] == pytest.approx(4.0)
    # The first price lies 0.5 above the 80 % band: 2 / 0.2 times that on one of two days.
    assert own["winkler_80"] == pytest.approx(2.0 + 10 * 0.5 / 2)
    assert own["winkler_95"] == pytest.approx(4.0)
    losses = [
        (0.5 * 1.5 + 0) / 2,  # the price as the median
        (0.1 * 2.5 + 0.1 * 1.0) / 2,  # 10 %: 9 and 11
        (0.9 * 0.5 + 0.1 * 1.0) / 2,  # 90 %: 11 and 13
        (0.025 * 3.5 + 0.025 * 2.0) / 2,  # 2.5 %: 8 and 10
        (0.025 * 0.5 + 0.025 * 2.0) / 2,  # 97.5 %: 12 and 14
    ]
    assert own["quantile_loss"] == pytest.approx(np.mean(losses))


def test_simple_methods_have_no_bands_and_all_five_are_there() -> None:
    table = by_method(judged({"A": [10.0, 12.0]}, {"A": [11.5, 12.0]})).set_index("method")
    assert list(table.index) == ["pricecast", "last value", "seasonal naive", "7-day mean", "28-day mean", "SES"]
    assert table.drop("pricecast")[["coverage_80", "width_95", "winkler_80", "quantile_loss"]].isna().all(axis=None)


def test_every_day_ahead_is_scored_by_itself_on_its_observed_days() -> None:
    table = by_horizon(judged({"A": [11.0, 12.0], "B": [10.0, 10.0]}, {"A": [12.0, 12.0], "B": [10.0, None]}))
    own = table[table["method"] == "pricecast"].set_index("horizon")
    last = table[table["method"] == "last value"].set_index("horizon")
    assert own["days"].tolist() == [2, 1]
    assert own["rmse"].tolist() == pytest.approx([np.sqrt(0.5), 0.0])
    assert own["wape"].tolist() == pytest.approx([100 * 1 / 22, 0.0])
    assert last["rmse"].tolist() == pytest.approx([np.sqrt(2.0), 2.0])
    assert own["ratio_to_last_value"].tolist() == pytest.approx([0.5, 0.0])
    assert own["coverage_80"].tolist() == [1.0, 1.0]


def test_products_are_told_apart_and_measured_against_their_own_best_simple_method() -> None:
    table = by_product(judged({"B": [11.0, 11.0], "A": [10.0, 10.0]}, {"B": [12.0, 12.0], "A": [10.0, 10.0]})).set_index("sku")
    assert list(table.index) == ["A", "B"]
    assert table.loc["B", "ratio_to_last_value"] == pytest.approx(0.5)
    assert table.loc["B", "rmse_best_simple"] == pytest.approx(2.0)
    assert table.loc["A", "ratio_to_best_simple"] == 1.0


def test_a_forecast_that_errs_where_the_last_value_is_exact_has_no_ratio() -> None:
    table = by_product(judged({"A": [11.0]}, {"A": [10.0]}))
    assert table["ratio_to_last_value"].isna().all()


def test_without_a_product_that_counts_the_tables_are_empty_and_whole() -> None:
    panel = tiny_panel({"A": [10.0] * 20})
    rows = [("A", panel.days[10], panel.days[11], 1, 10.0, 9.0, 11.0, 8.0, 12.0, "X")]
    nothing = judge(pd.DataFrame(rows, columns=list(BACKTEST_COLUMNS)), panel)
    assert (by_method(nothing)["sku_origins"] == 0).all()
    assert by_product(nothing).empty
    assert (by_horizon(nothing)["days"] == 0).all()
