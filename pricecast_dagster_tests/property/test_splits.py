"""Folds of any days: those of scikit-learn, and never a look ahead."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricecast_dagster.forecasting.splits import time_ordered_folds

FIRST_DAY = np.datetime64("2026-01-01", "D")


@given(st.integers(2, 120), st.integers(2, 5), st.integers(0, 10))
def test_folds_of_consecutive_days_are_those_of_scikit_learn(n_days, count, gap_days):
    from sklearn.model_selection import TimeSeriesSplit

    days = FIRST_DAY + np.arange(n_days)
    try:
        expected = list(TimeSeriesSplit(count, gap=gap_days).split(days))
    except ValueError:
        with pytest.raises(ValueError, match=r"folds need|leaves nothing"):
            time_ordered_folds(days, count=count, gap_days=gap_days)
        return
    folds = time_ordered_folds(days, count=count, gap_days=gap_days)
    for fold, (train, validation) in zip(folds, expected, strict=True):
        assert fold.train.tolist() == train.tolist()
        assert fold.validation.tolist() == validation.tolist()


@given(st.lists(st.integers(0, 40), min_size=8, max_size=60), st.integers(0, 3))
def test_no_fold_learns_from_its_own_days_or_later_ones(offsets, gap_days):
    days = FIRST_DAY + np.array(offsets)
    try:
        folds = time_ordered_folds(days, count=3, gap_days=gap_days)
    except ValueError:
        return
    for fold in folds:
        assert days[fold.train].max() + gap_days < days[fold.validation].min()
    validated = np.concatenate([fold.validation for fold in folds])
    assert len(set(validated.tolist())) == len(validated)
    assert days[validated].max() == days.max()
