"""Where the work runs: one process, local workers and a Dask cluster on this machine, wall time for the same trainings.

The floor is one process; with two cores two workers could halve it. Workers are started before the clock, as in a long run.
Run: python -m benchmarks.compute
"""

import time

from distributed import LocalCluster

from benchmarks.training import retailer_panels
from pricecast_dagster.compute.dask import DaskCompute
from pricecast_dagster.compute.local import LocalCompute
from pricecast_dagster.compute.protocol import Compute, Success
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.stages.lesson import Task, Way, carry_out

N_SKUS, WORKERS = 40, 2


def seconds_of(place: Compute, tasks: list[Task]) -> float:
    """Wall time of the batch; the workers have done two of it before."""
    place.map(carry_out, tasks[:2], seconds_each=100)
    began = time.perf_counter()
    results = place.map(carry_out, tasks, seconds_each=100)
    seconds = time.perf_counter() - began
    assert all(isinstance(result, Success) for result in results)
    return seconds


def main() -> None:
    """Print what the places take, beside the floor."""
    calendar = HolidayCalendar("BR")
    tasks = [Task(panel.skus[0], Way.FIRST, panel, calendar, None, 0, 1, 60) for panel in retailer_panels(N_SKUS)]
    with LocalCluster(n_workers=WORKERS, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster:
        floor = seconds_of(LocalCompute(1), tasks)
        places: dict[str, Compute] = {
            f"{WORKERS} local workers": LocalCompute(WORKERS),
            f"{WORKERS} Dask workers": DaskCompute(cluster.scheduler_address),
        }
        print(f"{N_SKUS} trainings, wall seconds")
        print(f"{'one process':18} {floor:6.2f}")
        for name, place in places.items():
            seconds = seconds_of(place, tasks)
            print(f"{name:18} {seconds:6.2f}  {seconds / floor:.2f} of one process")


if __name__ == "__main__":
    main()
