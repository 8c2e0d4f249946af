"""Local computing: in this process or in workers, with items that fail and workers that are killed for real."""

import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from pricecast_dagster.compute.local import LocalCompute
from pricecast_dagster.compute.protocol import Failure, Success
from pricecast_dagster.errors import SkuTooShortError

LONG = 100.0
"""Seconds an item is said to take, so that workers pay."""


def square(number: int) -> int:
    if number == 13:
        raise SkuTooShortError("SKU 'A-13' has 12 days of history; a model needs 60.", remedy="It is forecast by the mean.")
    if number == 14:
        raise ZeroDivisionError
    return number * number


def values(results: "list[Success[int] | Failure]") -> list[int | str]:
    return [result.value if isinstance(result, Success) else result.kind for result in results]


@pytest.mark.parametrize(("jobs", "seconds_each"), [(1, LONG), (2, 0.0), (2, LONG)])
def test_results_come_in_the_order_of_the_items_and_one_failure_touches_no_other(jobs: int, seconds_each: float) -> None:
    results = LocalCompute(jobs).map(square, [3, 13, 1, 14, 2], seconds_each=seconds_each)
    assert values(results) == [9, "SkuTooShortError", 1, "ZeroDivisionError", 4]
    failure = results[1]
    assert isinstance(failure, Failure)
    assert failure.message == "SKU 'A-13' has 12 days of history; a model needs 60."
    assert failure.remedy == "It is forecast by the mean."
    assert str(failure) == f"{failure.message} {failure.remedy}"
    assert "in square" in failure.traceback
    assert isinstance(results[3], Failure)
    assert results[3].message == "ZeroDivisionError"


def process(_: int) -> int:
    return os.getpid()


def processes(compute: LocalCompute, items: int, seconds_each: float) -> set[int]:
    return {
        result.value for result in compute.map(process, range(items), seconds_each=seconds_each) if isinstance(result, Success)
    }


def test_a_little_work_stays_in_this_process() -> None:
    assert processes(LocalCompute(2), 5, 0.1) == {os.getpid()}


def test_one_item_stays_in_this_process_however_long_it_takes() -> None:
    assert processes(LocalCompute(2), 1, LONG) == {os.getpid()}


def test_much_work_goes_to_workers() -> None:
    assert os.getpid() not in processes(LocalCompute(2), 4, LONG)


def test_many_small_batches_get_workers_once_they_would_have_paid() -> None:
    compute = LocalCompute(2)
    here = [os.getpid() in processes(compute, 3, 0.5) for _ in range(4)]
    assert here == [True, True, False, False]


def test_nothing_to_do_is_done_at_once() -> None:
    assert LocalCompute(2).map(square, [], seconds_each=LONG) == []


def threads(_: int) -> list[int]:
    np.ones((2, 2)) @ np.ones((2, 2))
    return [int(pool["num_threads"]) for pool in threadpool_info()]


@pytest.mark.parametrize("seconds_each", [0.0, LONG])
def test_every_item_has_one_thread(seconds_each: float) -> None:
    results = LocalCompute(2).map(threads, [1, 2], seconds_each=seconds_each)
    assert all(isinstance(result, Success) and result.value and set(result.value) == {1} for result in results)


def deadly(task: tuple[int, str]) -> int:
    """Number 3 kills its worker: always, or only as often as the file says."""
    number, file = task
    if number == 3:
        left = Path(file)
        deaths = int(left.read_text())
        if deaths > 0:
            left.write_text(str(deaths - 1))
            os.kill(os.getpid(), signal.SIGKILL)
    return number * number


@pytest.fixture
def deaths(tmp_path: Path) -> Path:
    return tmp_path / "deaths"


@pytest.mark.parametrize("times", [1, 2])
def test_workers_that_are_killed_once_or_twice_cost_nothing_but_time(deaths: Path, times: int) -> None:
    deaths.write_text(str(times))
    results = LocalCompute(2).map(deadly, [(number, str(deaths)) for number in range(6)], seconds_each=LONG)
    assert values(results) == [0, 1, 4, 9, 16, 25]


def test_an_item_that_kills_every_worker_is_the_only_one_that_fails(deaths: Path) -> None:
    deaths.write_text("99")
    results = LocalCompute(2).map(deadly, [(number, str(deaths)) for number in range(6)], seconds_each=LONG)
    assert values(results) == [0, 1, 4, "TerminatedWorkerError", 16, 25]
    assert "died, three times" in str(results[3])
    assert "PRICECAST_JOBS" in str(results[3])


def test_after_a_death_the_next_batch_works_as_ever(deaths: Path) -> None:
    compute = LocalCompute(2)
    deaths.write_text("99")
    compute.map(deadly, [(number, str(deaths)) for number in range(4)], seconds_each=LONG)
    assert values(compute.map(square, [1, 2, 3], seconds_each=LONG)) == [1, 4, 9]


def test_it_works_from_another_thread_than_the_main_one() -> None:
    found: list[int | str] = []
    thread = threading.Thread(target=lambda: found.extend(values(LocalCompute(2).map(square, [1, 2, 3], seconds_each=LONG))))
    thread.start()
    thread.join()
    assert found == [1, 4, 9]


def test_without_a_number_of_jobs_there_is_one_a_core() -> None:
    assert LocalCompute().jobs >= 1


def add_one(array: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
    array += 1
    return float(array.sum())


def test_a_large_array_can_be_written_to_in_a_worker_as_here() -> None:
    results = LocalCompute(2).map(add_one, [np.zeros(400_000), np.zeros(400_000)], seconds_each=LONG)
    assert [result.value for result in results if isinstance(result, Success)] == [400_000.0, 400_000.0]
