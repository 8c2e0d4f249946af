"""Simple methods: cases worked out by hand."""

import numpy as np
import pytest

from pricecast_dagster.errors import NoUsableHistoryError
from pricecast_dagster.forecasting import baselines
from pricecast_dagster.forecasting.baselines import SIMPLE_METHODS, ladder, moving_average, seasonal_naive
from pricecast_dagster.testing import tiny_panel

HORIZON_DAYS = 9


def test_the_last_value_stays():
    panel = tiny_panel({"A": [1.0, 2.0, None], "B": [None, 5.0, 4.0]})
    assert baselines.last_value(panel, panel.last, 2).tolist() == [[2.0, 2.0], [4.0, 4.0]]


def test_the_moving_average_takes_the_window_before_the_origin_and_carried_days_count():
    panel = tiny_panel({"A": [100.0, 1.0, 1.0, 1.0, None, None, 1.0, 8.0]})
    assert moving_average(panel, panel.last, 1).tolist() == [[2.0]]


def test_the_moving_average_of_a_young_product_takes_all_its_days():
    panel = tiny_panel({"A": [None, None, None, 2.0, 4.0]})
    assert moving_average(panel, panel.last, 1).tolist() == [[3.0]]


def test_the_seasonal_naive_repeats_the_last_week_day_by_day():
    panel = tiny_panel({"A": [9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]})
    assert seasonal_naive(panel, panel.last, HORIZON_DAYS).tolist() == [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 1.0, 2.0]]


def test_the_seasonal_naive_takes_the_last_price_where_there_is_no_week_before():
    panel = tiny_panel({"A": [3.0, 4.0]})
    assert seasonal_naive(panel, panel.last, 7).tolist() == [[4.0, 4.0, 4.0, 4.0, 4.0, 3.0, 4.0]]


def test_smoothing_follows_steps_that_stay_closely_and_averages_noise():
    steps = [10.0] * 40 + [12.0] * 40 + [11.0] * 40
    noise = (10.0 + np.random.default_rng(3).normal(0.0, 1.0, 120)).round(2).tolist()
    panel = tiny_panel({"steps": steps, "noise": noise})
    _, alpha = baselines.smoothed_level(panel, panel.last)
    assert alpha[0] == 0.9
    assert alpha[1] <= 0.2


def test_smoothing_follows_the_first_change_of_a_price_since_nothing_says_that_it_goes_back():
    panel = tiny_panel({"A": [10.0] * 60 + [12.0]})
    level, alpha = baselines.smoothed_level(panel, panel.last)
    assert (alpha.tolist(), level.tolist()) == ([0.9], [pytest.approx(11.8)])
    assert ladder(panel, 1).price.tolist() == [[12.0]]


@pytest.mark.parametrize("method", SIMPLE_METHODS.values(), ids=SIMPLE_METHODS.keys())
class TestEveryMethod:
    def test_answers_a_price_that_never_moved_with_exactly_that_price(self, method):
        panel = tiny_panel({"A": [0.1] * 50, "B": [1e6 / 3] * 50})
        assert method(panel, panel.last, HORIZON_DAYS).tolist() == [[0.1] * HORIZON_DAYS, [1e6 / 3] * HORIZON_DAYS]

    def test_answers_a_single_day_with_its_price(self, method):
        panel = tiny_panel({"A": [3.3]})
        assert method(panel, panel.last, HORIZON_DAYS).tolist() == [[3.3] * HORIZON_DAYS]

    def test_has_no_answer_before_a_product_has_begun(self, method):
        panel = tiny_panel({"A": [1.0, 2.0, 3.0], "B": [None, None, 7.0]})
        forecasts = method(panel, np.array([1, 1]), HORIZON_DAYS)
        assert np.isfinite(forecasts[0]).all()
        assert np.isnan(forecasts[1]).all()

    def test_has_no_answer_where_every_day_is_missing(self, method):
        panel = tiny_panel({"A": [1.0, 2.0, 3.0], "B": [None, None, 7.0]}).until("2026-01-02")
        assert np.isnan(method(panel, panel.last, HORIZON_DAYS)[1]).all()

    def test_answers_an_empty_panel_with_nothing(self, method):
        panel = tiny_panel({})
        assert method(panel, panel.last, HORIZON_DAYS).shape == (0, HORIZON_DAYS)
        without_days = tiny_panel({"A": [1.0]}).until("2025-01-01")
        assert np.isnan(method(without_days, without_days.last, HORIZON_DAYS)).all()


@pytest.mark.parametrize(
    ("observed_days", "model_used"),
    [
        (1, "LastValue"),
        (6, "LastValue"),
        (7, "MovingAverage_7d"),
        (13, "MovingAverage_7d"),
        (14, "MovingAverage_SES"),
        (400, "MovingAverage_SES"),
    ],
)
def test_the_ladder_takes_the_method_that_the_history_carries_and_says_which(observed_days, model_used):
    fallback = ladder(tiny_panel({"A": [5.0] * observed_days}), HORIZON_DAYS)
    assert fallback.model_used == (model_used,)
    assert fallback.price.tolist() == [[5.0] * HORIZON_DAYS]
    assert fallback.errors == {}


def test_days_without_a_record_do_not_lift_a_product_up_the_ladder():
    assert ladder(tiny_panel({"A": [5.0, *[None] * 50, 6.0]}), 1).model_used == ("LastValue",)


def test_the_ladder_refuses_a_product_without_history_and_answers_the_others():
    panel = tiny_panel({"A": [4.0, 4.0], "B": [None, None, 7.0]}).until("2026-01-02")
    fallback = ladder(panel, 2)
    assert fallback.model_used == ("LastValue", None)
    assert fallback.price[0].tolist() == [4.0, 4.0]
    assert np.isnan(fallback.price[1]).all()
    with pytest.raises(NoUsableHistoryError, match="SKU 'B' has no day with a price"):
        raise fallback.errors["B"]


def test_the_ladder_stays_at_a_new_price_that_the_past_says_will_stay():
    prices = [10.0] * 60 + [12.0] * 60 + [9.0]
    assert ladder(tiny_panel({"A": prices}), 3).price.tolist() == [[9.0, 9.0, 9.0]]


def test_the_ladder_of_no_products_is_empty():
    fallback = ladder(tiny_panel({}), HORIZON_DAYS)
    assert (fallback.price.shape, fallback.model_used) == ((0, HORIZON_DAYS), ())
