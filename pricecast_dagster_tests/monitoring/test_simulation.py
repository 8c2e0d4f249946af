"""The simulation's own parts: its troubles are what they are called, and a champion on probation is judged as in a shop."""

import numpy as np
import pytest

from pricecast_dagster.forecasting.model import train
from pricecast_dagster_tests.monitoring import probation
from pricecast_dagster_tests.monitoring.carrying import CALENDAR, HORIZON, seed_of
from pricecast_dagster_tests.monitoring.truth import LEARNT_DAYS, Trouble, make_truth

FIRST = LEARNT_DAYS - 1


def true_prices(price: np.ndarray) -> np.ndarray:
    """(days, h) forecasts that are exactly right."""
    return price[np.minimum(np.arange(len(price))[:, None] + 1 + np.arange(HORIZON), len(price) - 1)]


@pytest.mark.parametrize(("times", "worse_within"), [(1.5, 14), (1.0, None)])
def test_a_successor_that_is_far_off_is_found_worse_within_a_fortnight_and_one_that_is_right_never(
    times: float, worse_within: int | None
) -> None:
    truth = make_truth().select(np.array([101]))
    model = train(truth.known_on(FIRST), CALENDAR, tuning=None, seed=seed_of(truth, 0))
    before = probation.begin(truth, model, 0, FIRST)
    served = times * true_prices(truth.corrected[0])
    days = range(FIRST + 1, FIRST + 1 + (worse_within or probation.PROBATION_DAYS))
    found = [day for day in days if probation.succeeded_by_worse(before, truth, 0, day, served)]
    assert bool(found) == (worse_within is not None)


def test_a_corrected_history_is_wrong_until_its_day_and_true_from_then_on() -> None:
    truth = make_truth()
    for number in truth.of(Trouble.CORRECTION):
        day = int(truth.day[number])
        wrong = truth.known_on(day - 1).price[number] != truth.corrected[number, :day]
        assert 0.05 < wrong.mean() < 0.2
        assert np.array_equal(truth.known_on(day).price[number], truth.corrected[number, : day + 1])
    others = np.setdiff1d(np.arange(300), truth.of(Trouble.CORRECTION))
    assert np.array_equal(truth.panel.price[others], truth.corrected[others])
