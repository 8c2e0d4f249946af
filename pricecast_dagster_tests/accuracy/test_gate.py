"""The gate: forecasts on real and generated products are not worse than they were, and never worse than the simple methods.

A part of what `python -m benchmarks.accuracy` measures on everything; bounds leave room for the noise of few products. Two of
them, on a handful of products, are run with every test.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pricecast_dagster.forecasting.backtest import backtest, backtest_frame
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.comparison import by_method, judge
from pricecast_dagster.forecasting.panel import build_panel
from pricecast_dagster.forecasting.splits import rolling_origins
from pricecast_dagster_tests.accuracy.kinds import history_of

DATA = Path(__file__).parents[2].parent / "shared" / "data"

slow = pytest.mark.accuracy


def compared(history: pd.DataFrame, country: str, *, origins: int = 2) -> pd.DataFrame:
    """The comparison table of a history's last fortnights."""
    panel, calendar = build_panel(history), HolidayCalendar(country)
    days = rolling_origins(panel.days[-1], count=origins, step_days=14, horizon_days=14)
    forecasts = [
        backtest(panel.select([row]), calendar, day, 14, tuning=None, seed=1) for row in range(panel.n_skus) for day in days
    ]
    return by_method(judge(backtest_frame(forecasts), panel)).set_index("method")


def real(name: str, every: int) -> pd.DataFrame:
    path = DATA / name / "history.csv.gz"
    if not path.exists():
        pytest.skip(f"no {name} beside the checkout")
    history = pd.read_csv(path, dtype={"sku": str}, parse_dates=["date"])
    return history[history["sku"].isin(sorted(history["sku"].unique())[::every])]


def test_a_handful_of_till_averages_is_forecast_better_than_by_the_last_value():
    ratios = compared(history_of("till_average", 6, 21), "BR", origins=1)["ratio_to_last_value"]
    assert ratios["pricecast"] < 0.9


def test_a_handful_of_shelf_prices_is_forecast_as_well_as_by_the_last_value_and_as_often_to_the_cent():
    table = compared(history_of("shelf", 12, 21), "BR", origins=1)
    own = table.loc["pricecast"]
    assert own["ratio_to_last_value"] <= 1.02
    assert own["exactly_right"] >= table.loc["last value", "exactly_right"] - 0.02


@slow
def test_till_averages_of_a_gift_shop_are_forecast_better_than_by_any_simple_method():
    table = compared(real("online_retail", every=16), "GB")
    ratios = table["ratio_to_last_value"]
    assert ratios["pricecast"] < 0.80
    assert ratios["pricecast"] < ratios.drop("pricecast").min()
    assert table.loc["pricecast", "wape"] < table.loc["last value", "wape"]
    assert 0.72 < table.loc["pricecast", "coverage_80"] < 0.90
    assert 0.90 < table.loc["pricecast", "coverage_95"] < 0.99


@slow
def test_a_sparse_grocery_sample_is_forecast_no_worse_than_by_any_simple_method():
    ratios = compared(real("complete_journey", every=2), "US")["ratio_to_last_value"]
    assert ratios["pricecast"] <= ratios.drop("pricecast").min() + 0.02


@slow
@pytest.mark.parametrize("kind", ["shelf", "board", "level_shift"])
def test_what_stays_is_left_where_it_is(kind):
    table = compared(history_of(kind, 15, 21), "BR")
    own = table.loc["pricecast"]
    assert own["ratio_to_last_value"] <= 1.02
    assert own["worse_than_last_value"] <= 0.05
    assert own["exactly_right"] >= table.loc["last value", "exactly_right"] - 0.01


@slow
@pytest.mark.parametrize("kind", ["high_low", "campaign"])
def test_what_comes_and_goes_is_left_without_losing_the_days_that_were_exact(kind):
    table = compared(history_of(kind, 15, 21), "BR")
    assert table.loc["pricecast", "ratio_to_last_value"] <= 1.02
    assert table.loc["pricecast", "exactly_right"] >= table.loc["last value", "exactly_right"] - 0.015


@slow
def test_a_price_that_never_moves_is_forecast_to_the_cent_with_bands_that_hold_it():
    own = compared(history_of("constant", 6, 21), "BR").loc["pricecast"]
    assert own["exactly_right"] == 1.0
    assert own["coverage_80"] == own["coverage_95"] == 1.0
    assert np.isnan(own["ratio_to_last_value"])


@slow
def test_long_campaigns_are_seen_to_end():
    ratios = compared(history_of("campaign", 6, 21), "BR")["ratio_to_last_value"]
    assert ratios["pricecast"] <= ratios.drop("pricecast").min() + 0.02
