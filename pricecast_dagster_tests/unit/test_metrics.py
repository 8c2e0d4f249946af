"""Metrics: definitions by hand, and what is said where there is nothing to say."""

import numpy as np
import pytest

from pricecast_dagster.forecasting import metrics

ACTUAL = np.array([[10.0, 20.0, np.nan], [5.0, 5.0, 5.0]])
PREDICTED = np.array([[12.0, 16.0, 99.0], [5.0, 5.0, 5.0]])
COUNTED = np.array([[True, True, False], [True, True, True]])

POINT_METRICS = (metrics.rmse, metrics.mae, metrics.mape, metrics.wape, metrics.bias)


@pytest.mark.parametrize(
    ("metric", "score"),
    [
        (metrics.rmse, np.sqrt(10.0)),
        (metrics.mae, 3.0),
        (metrics.mape, 0.2),
        (metrics.wape, 0.2),
        (metrics.bias, -1.0),
    ],
)
def test_only_days_that_count_are_scored_and_each_sku_by_itself(metric, score):
    np.testing.assert_allclose(metric(ACTUAL, PREDICTED, COUNTED), [score, 0.0])


@pytest.mark.parametrize("metric", POINT_METRICS)
def test_there_is_no_score_without_a_day_that_counts(metric):
    assert np.isnan(metric(ACTUAL, PREDICTED, np.zeros_like(COUNTED))).all()
    assert np.isnan(metric(ACTUAL[:, :0], PREDICTED[:, :0], COUNTED[:, :0])).all()


@pytest.mark.parametrize("metric", POINT_METRICS)
def test_a_missing_forecast_of_a_day_that_counts_is_not_passed_over(metric):
    holes = np.where([True, False, False], np.nan, PREDICTED)
    assert np.isnan(metric(ACTUAL, holes, COUNTED)).all()


def test_a_share_of_a_price_of_zero_is_no_number():
    free, one = np.zeros((1, 1)), np.ones((1, 1))
    counted = np.array([[True]])
    assert np.isnan(metrics.mape(free, one, counted)).all()
    assert np.isnan(metrics.wape(free, one, counted)).all()


def test_scaled_errors_compare_with_the_last_value_within_the_history():
    history = np.array([[1.0, 1.0, 2.0, 2.0, 4.0]])
    observed = np.array([[True, False, True, True, True]])
    naive_mae, naive_rmse = metrics.naive_errors(history, observed)
    np.testing.assert_allclose(naive_mae, [1.0])
    np.testing.assert_allclose(naive_rmse, [np.sqrt(5 / 3)])
    actual, predicted, counted = np.array([[4.0, 4.0]]), np.array([[6.0, 4.0]]), np.array([[True, True]])
    np.testing.assert_allclose(metrics.mase(actual, predicted, counted, naive_mae), [1.0])
    np.testing.assert_allclose(metrics.rmsse(actual, predicted, counted, naive_rmse), [np.sqrt(2 / (5 / 3))])


def test_days_before_the_first_record_are_no_history():
    naive_mae, _ = metrics.naive_errors(np.array([[np.nan, np.nan, 3.0, 5.0]]), np.array([[False, False, True, True]]))
    np.testing.assert_allclose(naive_mae, [2.0])


def test_a_price_that_never_moved_has_no_scale():
    history, observed = np.full((1, 9), 7.0), np.ones((1, 9), dtype=bool)
    naive_mae, naive_rmse = metrics.naive_errors(history, observed)
    assert np.isnan(metrics.mase(ACTUAL[1:], PREDICTED[1:], COUNTED[1:], naive_mae)).all()
    assert np.isnan(metrics.rmsse(ACTUAL[1:], PREDICTED[1:], COUNTED[1:], naive_rmse)).all()


def test_a_price_on_the_edge_of_its_band_is_covered():
    actual = np.array([1.0, 2.0, 3.0, 4.0])
    counted = np.array([True, True, True, True])
    assert metrics.coverage(actual, np.full(4, 2.0), np.full(4, 3.0), counted) == 0.5


def test_the_interval_score_is_the_width_and_what_lies_outside_by_its_rarity():
    actual = np.array([5.0, 1.0, 10.0])
    score = metrics.winkler(actual, np.full(3, 2.0), np.full(3, 8.0), np.array([True] * 3), level=0.8)
    assert score == pytest.approx((6.0 + (6.0 + 10 * 1.0) + (6.0 + 10 * 2.0)) / 3)


def test_the_quantile_loss_is_steep_on_the_rare_side():
    actual, quantile, counted = np.array([10.0, 10.0]), np.array([9.0, 11.0]), np.array([True, True])
    assert metrics.pinball(actual, quantile, counted, probability=0.9) == pytest.approx((0.9 + 0.1) / 2)


@pytest.mark.parametrize("level", [0.0, 1.0, 80, float("nan")])
def test_levels_and_probabilities_are_shares(level):
    one, counted = np.ones(1), np.array([True])
    with pytest.raises(ValueError, match="a level lies between 0 and 1"):
        metrics.winkler(one, one, one, counted, level=level)
    with pytest.raises(ValueError, match="a probability lies between 0 and 1"):
        metrics.pinball(one, one, counted, probability=level)
