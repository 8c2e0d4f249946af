"""Splits: origins and folds that never look ahead."""

import numpy as np
import pytest

from pricecast_dagster.forecasting.splits import rolling_origins, time_ordered_folds


def consecutive_days(n_days: int) -> np.ndarray:
    return np.datetime64("2026-01-01", "D") + np.arange(n_days)


def test_origins_are_counted_back_so_that_the_latest_leaves_exactly_its_horizon():
    origins = rolling_origins(np.datetime64("2011-12-09"), count=4, step_days=14, horizon_days=14)
    assert origins.astype(str).tolist() == ["2011-10-14", "2011-10-28", "2011-11-11", "2011-11-25"]


@pytest.mark.parametrize("wrong", [{"count": 0}, {"step_days": 0}, {"horizon_days": -1}])
def test_origins_need_positive_numbers(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be 1 or more"):
        rolling_origins(np.datetime64("2026-01-01"), **{"count": 1, "step_days": 1, "horizon_days": 1, **wrong})


def test_rows_of_one_day_stay_together():
    days = np.repeat(consecutive_days(8), 3)
    folds = time_ordered_folds(days, count=3)
    assert [(len(fold.train), len(fold.validation)) for fold in folds] == [(6, 6), (12, 6), (18, 6)]


def test_too_few_days_for_the_folds_are_refused_with_both_numbers():
    with pytest.raises(ValueError, match="3 time-ordered folds need 4 distinct days, got 2"):
        time_ordered_folds(np.repeat(consecutive_days(2), 10))


def test_a_gap_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match="a gap of 9 days leaves nothing to learn from before 2026-01-03"):
        time_ordered_folds(consecutive_days(8), gap_days=9)
