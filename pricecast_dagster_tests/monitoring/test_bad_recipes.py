"""Two hundred times an overfitting recipe asks to be champion, on products of two kinds."""

import numpy as np
import pytest

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.promotion import compare
from pricecast_dagster.forecasting.recipe import default_recipe
from pricecast_dagster_tests.monitoring.overfit import overfitting_recipe
from pricecast_dagster_tests.monitoring.truth import Trouble, make_truth

TRIES = 200


@pytest.mark.loop
@pytest.mark.timeout(3000)
def test_an_overfitting_recipe_is_never_promoted_in_two_hundred_tries() -> None:
    truth = make_truth(300, seed=5)
    known = truth.known_on(239)
    numbers = np.resize(truth.of(Trouble.NONE), TRIES)
    good, bad, calendar = default_recipe(), overfitting_recipe(), HolidayCalendar("BR")
    promoted = []
    for attempt, number in enumerate(numbers):
        decision = compare(known.select([int(number)]), calendar, good, bad, seed=attempt)
        if decision.promote:
            promoted.append((int(number), decision.reason))
    assert promoted == []
