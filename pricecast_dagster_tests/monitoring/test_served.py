"""Scores of served forecasts, against a slow and plain account of the same rows."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricecast_dagster.forecasting.served import MEASURES, Served, daily_errors, score
from pricecast_dagster.forecasting.signals import RECENT_DAYS, in_service

HORIZON = 3


def made(seed: int, n_skus: int = 3, days: int = 12) -> Served:
    """Some forecasts of some SKUs, a few days left out; prices of whole cents so that exact hits occur."""
    rng = np.random.default_rng(seed)
    rows = [
        (sku, day, horizon)
        for sku in range(n_skus)
        for day in range(days)
        for horizon in range(1, HORIZON + 1)
        if rng.random() < 0.7
    ]
    sku, day, horizon = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    price, actual, last = (np.round(rng.uniform(1, 3, len(rows)), 1) for _ in range(3))
    width = np.round(rng.uniform(0, 1, len(rows)), 1)
    return Served(sku, day, horizon, price, price - width, price + width, price - 2 * width, price + 2 * width, actual, last)


def plainly(served: Served, sku: int, until: int, window: int, horizon: int) -> dict[str, float]:
    """The same by hand: one loop, no arrays."""
    rows = [
        i
        for i in range(len(served.sku))
        if served.sku[i] == sku and until - window < served.day[i] <= until and horizon in (0, served.horizon[i])
    ]
    if not rows:
        return dict.fromkeys(MEASURES, math.nan) | {"forecasts": 0, "days": 0}
    off = [served.price[i] - served.actual[i] for i in rows]
    own = sum(abs(x) for x in off) / len(rows)
    naive = sum(abs(served.last[i] - served.actual[i]) for i in rows) / len(rows)
    return {
        "forecasts": len(rows),
        "days": len({served.day[i] for i in rows}),
        "mae": own,
        "rmse": math.sqrt(sum(x * x for x in off) / len(rows)),
        "wape": own * len(rows) / sum(served.actual[i] for i in rows),
        "scaled": own / naive if naive else (1.0 if own == 0 else math.nan),
        "naive_mae": naive,
        "bias": sum(off) / len(rows),
        "coverage_80": sum(served.lower_80[i] <= served.actual[i] <= served.upper_80[i] for i in rows) / len(rows),
        "coverage_95": sum(served.lower_95[i] <= served.actual[i] <= served.upper_95[i] for i in rows) / len(rows),
    }


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_scores_are_those_of_a_plain_account(seed: int) -> None:
    served = made(seed)
    until = np.array([11, 9, 4])
    scores = score(served, until, (3, 7), HORIZON)
    for sku in range(3):
        for position, window in enumerate((3, 7)):
            for horizon in range(HORIZON + 1):
                expected = plainly(served, sku, int(until[sku]), window, horizon)
                cell = (sku, position, horizon)
                assert (scores.forecasts[cell], scores.days[cell]) == (expected["forecasts"], expected["days"])
                for name in MEASURES:
                    assert scores.measures[name][cell] == pytest.approx(expected[name], nan_ok=True), name


def test_a_products_scores_have_the_same_bytes_alone_and_in_a_batch() -> None:
    served = made(1)
    own = served.sku == 1
    alone = Served(*(np.zeros(own.sum(), dtype=np.int64), *(getattr(served, name)[own] for name in Served.__slots__[1:])))
    together = score(served, np.array([11, 11, 11]), (7,), HORIZON)
    for name, values in score(alone, np.array([11]), (7,), HORIZON).measures.items():
        assert values[0].tobytes() == together.measures[name][1].tobytes()


def test_a_days_error_is_the_mean_over_all_forecasts_of_that_day() -> None:
    flat = np.array([10.0, 12.0])
    zeros = np.zeros(2, dtype=np.int64)
    served = Served(zeros, zeros + 5, np.array([1, 2]), flat, flat, flat, flat, flat, np.array([13.0, 13.0]), flat)
    errors = daily_errors(served, 1, until=6, days=3)
    assert np.isnan(errors[0, [0, 2]]).all()
    assert errors[0, 1] == 2.0


@pytest.mark.parametrize(("days", "lost"), [(10, math.nan), (14, 2.0), (21, 2.5), (28, 3.0), (40, 3.0)])
def test_what_a_young_service_has_not_shown_yet_counts_as_promised(days: int, lost: float) -> None:
    """Three times the promised error, for so many days."""
    day = np.arange(100 - days, 100)
    price = np.full(days, 13.0)
    actual, last = np.full(days, 10.0), np.full(days, 9.0)
    served = Served(np.zeros(days, np.int64), day, np.ones(days, np.int64), price, *([price] * 4), actual, last)
    scores = score(served, np.array([99]), (RECENT_DAYS,), HORIZON)
    found, over_last = in_service(scores, 0, np.array([1.0]))
    np.testing.assert_allclose(found, [lost])
    np.testing.assert_allclose(over_last, [math.nan if days < 14 else 3.0])
