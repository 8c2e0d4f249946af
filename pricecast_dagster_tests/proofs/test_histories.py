"""Random histories: what is recomputed is what should be, every time. A few with all tests, two hundred with `make proofs`."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from pricecast_dagster_tests.proofs.machine import Histories

HISTORIES = 200

TestAFewHistories = Histories.TestCase
TestAFewHistories.settings = settings(max_examples=5, stateful_step_count=10, deadline=None, derandomize=True, database=None)


class TwoHundred(Histories):
    pass


TestTwoHundredHistories = pytest.mark.proof(TwoHundred.TestCase)
TestTwoHundredHistories.settings = settings(
    max_examples=HISTORIES, stateful_step_count=12, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
TestTwoHundredHistories = pytest.mark.timeout(0)(TestTwoHundredHistories)


@pytest.fixture(scope="module", autouse=True)
def what_was_played() -> Iterator[None]:
    """With `-s`: how many histories and steps there were, and what was recomputed why."""
    yield
    for what, count in sorted(Histories.tally.items()):
        print(f"{count:7,} {what}")
