"""Computing on a real Dask cluster on loopback: the same results as here, killed workers, schedulers that are not there."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from distributed import LocalCluster
from threadpoolctl import threadpool_info

from pricecast_dagster.compute.dask import DaskCompute, refuse_strangers, versions
from pricecast_dagster.compute.local import LocalCompute
from pricecast_dagster.compute.place import open_compute
from pricecast_dagster.compute.protocol import Failure, Success
from pricecast_dagster.errors import ComputeUnavailableError, SettingsError, SkuTooShortError
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.orchestration.processes import free_port
from pricecast_dagster.settings import load_settings
from pricecast_dagster.stages.lesson import Task, Trained, Way, carry_out
from pricecast_dagster.testing import random_panel
from pricecast_dagster_tests.compute.test_local import LONG, deadly, process, square, values
from pricecast_dagster_tests.shop import open_shop

QUIET = "127.0.0.1:0"
"""Any free port, on loopback."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=QUIET) as cluster:
        yield cluster


@pytest.fixture
def dask(cluster: LocalCluster) -> DaskCompute:
    return DaskCompute(cluster.scheduler_address)


def test_results_come_in_the_order_of_the_items_and_one_failure_touches_no_other(dask: DaskCompute) -> None:
    results = dask.map(square, [3, 13, 1, 14, 2], seconds_each=LONG)
    assert values(results) == [9, SkuTooShortError.__name__, 1, "ZeroDivisionError", 4]
    assert [str(result) for result in results[1::2]] == [
        str(result) for result in LocalCompute(1).map(square, [13, 14], seconds_each=LONG)
    ]


def test_much_work_goes_to_the_cluster_and_little_stays(dask: DaskCompute) -> None:
    def processes(seconds_each: float) -> set[int | str]:
        return set(values(dask.map(process, range(6), seconds_each=seconds_each)))

    assert os.getpid() not in processes(LONG)
    assert processes(0.01) == {os.getpid()}


def test_every_item_has_one_thread_there_too(dask: DaskCompute) -> None:
    assert {tuple(result.value) for result in dask.map(only_threads, range(4), seconds_each=LONG)} == {(1,)}


def only_threads(_: int) -> tuple[int, ...]:
    np.ones((2, 2)) @ np.ones((2, 2))
    return tuple(sorted({int(pool["num_threads"]) for pool in threadpool_info()}))


def test_a_model_has_the_same_bytes_wherever_it_was_trained(dask: DaskCompute) -> None:
    panel = random_panel(2, 150, seed=5)
    tasks = [
        Task(sku, Way.FIRST, panel.select([row]), HolidayCalendar("BR"), None, 3, 7, 60) for row, sku in enumerate(panel.skus)
    ]
    here, there = (place.map(carry_out, tasks, seconds_each=LONG) for place in (LocalCompute(1), dask))
    assert [trained(result) for result in here] == [trained(result) for result in there]


def trained(result: Success[Trained] | Failure) -> tuple[object, ...]:
    assert isinstance(result, Success), str(result)
    model = result.value.champion
    arrays = {name: array.tobytes() for name, array in model.arrays.items()}
    return model.recipe.to_json(), model.texts, arrays, model.facts


def test_a_worker_that_is_killed_costs_nothing_but_time(dask: DaskCompute, tmp_path: Path) -> None:
    deaths = tmp_path / "deaths"
    deaths.write_text("1")
    results = dask.map(deadly, [(number, str(deaths)) for number in range(6)], seconds_each=LONG)
    assert values(results) == [0, 1, 4, 9, 16, 25]


def test_an_item_that_kills_every_worker_is_the_only_one_that_fails(dask: DaskCompute, tmp_path: Path) -> None:
    deaths = tmp_path / "deaths"
    deaths.write_text("99")
    results = dask.map(deadly, [(number, str(deaths)) for number in range(6)], seconds_each=LONG)
    assert values(results) == [0, 1, 4, "KilledWorker", 16, 25]
    assert "memory" in str(results[3])


def test_no_scheduler_is_a_clear_error_and_the_next_batch_looks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pricecast_dagster.compute.dask.CONNECT_SECONDS", 1)
    nowhere = DaskCompute(f"tcp://127.0.0.1:{free_port()}")
    with pytest.raises(ComputeUnavailableError, match=r"No Dask scheduler answers at .* set PRICECAST_COMPUTE to local"):
        nowhere.map(square, range(3), seconds_each=LONG)
    port = nowhere.address.rpartition(":")[2]
    with LocalCluster(n_workers=1, threads_per_worker=1, host="127.0.0.1", scheduler_port=int(port), dashboard_address=QUIET):
        assert values(nowhere.map(square, range(3), seconds_each=LONG)) == [0, 1, 4]


def test_a_scheduler_without_workers_is_refused() -> None:
    with pytest.raises(ComputeUnavailableError, match="has no worker"):
        refuse_strangers("tcp://scheduler:8786", {})


def test_a_worker_with_other_versions_is_refused_by_name() -> None:
    ours = versions()
    refuse_strangers("tcp://scheduler:8786", {"tcp://first:1": ours})
    with pytest.raises(ComputeUnavailableError, match=rf"tcp://second:1 .*lightgbm 1\.0, here {ours['lightgbm']}"):
        refuse_strangers("tcp://scheduler:8786", {"tcp://first:1": ours, "tcp://second:1": ours | {"lightgbm": "1.0"}})


def test_the_setting_chooses_the_place() -> None:
    assert isinstance(open_compute("local", 1), LocalCompute)
    assert isinstance(open_compute("tcp://127.0.0.1:8786", 1), DaskCompute)
    with pytest.raises(SettingsError, match="neither `local` nor the address"):
        load_settings(compute="here")


def test_it_tells_how_many_workers_there_are(dask: DaskCompute) -> None:
    assert re.fullmatch(r"The Dask cluster at tcp://127\.0\.0\.1:\d+, with [12] workers .*", dask.told())
    assert LocalCompute(1).told() == "This machine, in one process."


def test_a_refresh_on_the_cluster_leaves_what_one_here_leaves(cluster: LocalCluster, tmp_path: Path) -> None:
    shops = [open_shop(tmp_path / "here"), open_shop(tmp_path / "there", compute=cluster.scheduler_address)]
    first, second = ([(o.sku, o.stage, o.status, o.data_version) for o in shop.refresh().outcomes] for shop in shops)
    assert first == second
    here, there = (sorted(path.name for path in (shop.folder / "home" / "models").rglob("*.*")) for shop in shops)
    assert here == there
