"""Backtests: nothing after an origin is seen, and the table says what it says."""

import numpy as np
import pandas as pd
import pytest

from pricecast_dagster.forecasting.backtest import backtest, backtest_frame
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.comparison import by_method, judge
from pricecast_dagster.forecasting.panel import Panel, build_panel
from pricecast_dagster.forecasting.tuning import TuningPlan
from pricecast_dagster.schemas import BACKTEST_COLUMNS
from pricecast_dagster.testing import tiny_panel
from pricecast_dagster_tests.accuracy.kinds import history_of

CALENDAR = HolidayCalendar("BR")


def from_origin(history: Panel, day: int, *, tuning: TuningPlan | None = None, horizon_days: int = 14):
    return backtest(history, CALENDAR, history.days[day], horizon_days, tuning=tuning, seed=1)


@pytest.mark.parametrize("kind", ["till_average", "shelf"])
@pytest.mark.parametrize("trials", [0, 3])
def test_planting_another_future_moves_nothing_that_was_forecast_before_it(kind, trials):
    history = build_panel(history_of(kind, 1, 2))
    origin = history.n_days - 30
    price, quantity, observed = history.price.copy(), history.quantity.copy(), history.observed.copy()
    price[:, origin + 1 :] *= 7.0
    quantity[:, origin + 1 :] += 1000.0
    observed[:, origin + 1 :] = ~observed[:, origin + 1 :]
    planted = Panel(history.skus, history.first_day, price, quantity, observed)
    tuning = TuningPlan(trials) if trials else None
    one, other = (from_origin(each, origin, tuning=tuning) for each in (history, planted))
    pd.testing.assert_frame_equal(one.to_frame(), other.to_frame())


def test_forecasts_begin_on_the_day_after_the_origin_also_where_the_last_record_is_older():
    prices: list[float | None] = [5.0, 6.0] * 50
    prices[-20:] = [None] * 20
    frame = from_origin(tiny_panel({"A": [*prices, 5.0]}, first_day="2026-01-01"), 99).to_frame()
    assert str(frame["origin"].iloc[0].date()) == "2026-04-10"
    assert str(frame["date"].iloc[0].date()) == "2026-04-11"
    assert tuple(frame.columns) == BACKTEST_COLUMNS


def test_a_product_too_young_at_an_origin_is_answered_by_a_simple_method_as_in_use():
    forecasts = from_origin(tiny_panel({"A": [5.0, 6.0] * 40}), 20)
    assert forecasts.model_used == ("MovingAverage_SES",)
    late = tiny_panel({"A": [5.0] * 31, "late": [*[None] * 30, 5.0]}).select([1])
    assert from_origin(late, 20).skus == ()


def compared(forecast_of: dict[str, list[float]], actual: dict[str, list[float | None]], history_days: int) -> pd.DataFrame:
    """A table of forecasts made up by hand, from one origin."""
    panel = tiny_panel({sku: [*[10.0] * history_days, *values] for sku, values in actual.items()}, first_day="2026-01-01")
    origin = panel.days[history_days - 1]
    rows = [
        (sku, origin, origin + ahead, ahead, price, price - 1, price + 1, price - 2, price + 2, "X")
        for sku, prices in forecast_of.items()
        for ahead, price in enumerate(prices, start=1)
    ]
    return by_method(judge(pd.DataFrame(rows, columns=list(BACKTEST_COLUMNS)), panel)).set_index("method")


def test_the_table_measures_against_the_last_value_on_observed_days_only():
    table = compared({"A": [10.0, 11.0, 12.0], "B": [10.0, 10.0, 10.0]}, {"A": [10.0, 12.0, 12.0], "B": [10.0, None, 13.0]}, 60)
    own, last = table.loc["pricecast"], table.loc["last value"]
    assert own["rmse"] == pytest.approx((np.sqrt(1 / 3) + np.sqrt(9 / 2)) / 2)
    assert last["rmse"] == pytest.approx((np.sqrt(8 / 3) + np.sqrt(9 / 2)) / 2)
    assert own["ratio_to_last_value"] == pytest.approx(own["rmse"] / last["rmse"])
    assert own["wape"] == pytest.approx(100 * (1 + 3) / (10 + 12 + 12 + 10 + 13))
    assert own["exactly_right"] == pytest.approx(3 / 5)
    assert own["coverage_80"] == pytest.approx(4 / 5)
    assert own["coverage_95"] == pytest.approx(4 / 5)
    assert own["worse_than_last_value"] == 0.0


def test_products_with_few_observations_before_the_origin_do_not_count():
    table = compared({"A": [10.0, 10.0]}, {"A": [10.0, 12.0]}, 59)
    assert (table["sku_origins"] == 0).all()


def test_backtests_of_many_units_become_one_sorted_table():
    history = tiny_panel({"B": [5.0] * 80, "A": [6.0] * 80})
    parts = [from_origin(history.select([row]), day, horizon_days=3) for row in (0, 1) for day in (70, 65)]
    frame = backtest_frame(parts)
    assert frame["sku"].tolist() == ["A"] * 6 + ["B"] * 6
    assert frame["origin"].iloc[:6].is_monotonic_increasing
    assert frame["horizon"].tolist() == [1, 2, 3] * 4
