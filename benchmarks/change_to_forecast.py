"""From a changed file to a new forecast, one of 500 products; `python -m benchmarks.change_to_forecast [products]`.

A retailer of 500 products with a year of history, brought up to date in this process (without tuning, which is not what is
measured); then Dagster's processes with default settings on SQLite, and ten times a day more of one product. The clock starts
when the file is in its place and stops when the new forecast can be read. The parts are read off Dagster's own records; the floor
is the same change brought up to date by `refresh` in this process, without Dagster.
"""

import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import dagster as dg

from pricecast_dagster.orchestration.client import UNFINISHED
from pricecast_dagster.orchestration.instance import dagster_home
from pricecast_dagster.orchestration.jobs import refresh_job
from pricecast_dagster.orchestration.launch import Dagster, running
from pricecast_dagster.settings import Settings, load_settings
from pricecast_dagster.sources.synthetic import PRICES_FILE, make_retailer, write_retailer
from pricecast_dagster.stages import refresh
from pricecast_dagster.stages.context import StageContext, open_context
from pricecast_dagster.stages.plan import Plan
from pricecast_dagster.storage.forecasts import currents

PRODUCTS, DAYS, REPEATS = 500, 365, 10
LAST_DAY = date(2026, 1, 31)
PATIENCE = 120.0
REST = 12.0
REFRESHES = dg.RunsFilter(job_name=refresh_job.name)
PARTS = ("a sensor sees it", "the run is taken from the queue", "its process works", "source, stages, commit", "rest", "in all")


@dataclass
class Retailer:
    """The source and what is asked of it."""

    context: StageContext
    file: Path
    sku: str
    last_day: date

    def a_day_more(self) -> float:
        """Append a day to the product's prices, the file moved into its place whole; returns when."""
        self.last_day += timedelta(days=1)
        price = 10 + self.last_day.day / 10
        unfinished = self.file.with_name(f".{self.file.name}.part")
        unfinished.write_text(f"{self.file.read_text()}{self.sku},{self.last_day},{price}\n")
        unfinished.replace(self.file)
        return time.time()

    def has_forecast(self) -> bool:
        """Whether the current forecast starts from the last day."""
        with self.context.database.read() as connection:
            return currents(connection, [self.sku])[self.sku].origin == self.last_day


def main() -> None:
    """Measure and print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else PRODUCTS
    with tempfile.TemporaryDirectory(prefix="change-") as folder:
        settings = load_settings(source=f"{folder}/source", home=f"{folder}/home")
        write_retailer(make_retailer(days=DAYS, products=count, seed=42, last_day=LAST_DAY), Path(settings.source))
        context = open_context(settings)
        refresh.run(context, Plan(optimize="never"))
        retailer = Retailer(context, Path(settings.source) / PRICES_FILE, f"SKU{count // 2:04d}", LAST_DAY)
        floor = [_alone(retailer) for _ in range(3)]
        with running(settings) as dagster:
            _settle(dagster)
            instance = dg.DagsterInstance.from_config(str(dagster_home(settings)))
            rows = [_once(retailer, dagster, instance, settings) for _ in range(REPEATS)]
    print(f"one product of {count}, {DAYS} days, default settings on SQLite; seconds, median of {REPEATS} (least, most)")
    for name, values in zip(PARTS, zip(*rows, strict=True), strict=True):
        print(f"{name:<34}{statistics.median(values):>6.1f}  ({min(values):.1f}, {max(values):.1f})")
    print(f"{'floor: refresh in this process':<34}{statistics.median(floor):>6.1f}  ({min(floor):.1f}, {max(floor):.1f})")


def _alone(retailer: Retailer) -> float:
    began = retailer.a_day_more()
    refresh.run(retailer.context, Plan())
    assert retailer.has_forecast()
    return time.time() - began


def _settle(dagster: Dagster) -> None:
    """Until Dagster was told of everything and has been at rest for two looks of its sensors: the monitor follows a refresh."""
    dagster.wait_until(lambda: bool(dagster.client.runs(statuses=["SUCCESS"])), "no run yet", PATIENCE * 5)
    rests_from = time.time()

    def rested() -> bool:
        nonlocal rests_from
        if dagster.client.runs(statuses=UNFINISHED):
            rests_from = time.time()
        return time.time() - rests_from > REST

    dagster.wait_until(rested, "runs do not end", PATIENCE * 5)


def _once(retailer: Retailer, dagster: Dagster, instance: dg.DagsterInstance, settings: Settings) -> tuple[float, ...]:
    known = {run.run_id for run in instance.get_runs(REFRESHES)}
    began = retailer.a_day_more()
    deadline = began + PATIENCE
    while not retailer.has_forecast():
        if time.time() > deadline:
            raise SystemExit(f"no forecast of {retailer.sku} after {PATIENCE:.0f} s; logs are in {dagster.home / 'logs'}")
        time.sleep(0.05)
    done = time.time()
    (run,) = [run for run in instance.get_runs(REFRESHES) if run.run_id not in known]
    record = instance.get_run_record_by_id(run.run_id)
    assert record is not None and record.start_time is not None
    created = record.create_timestamp.timestamp()
    taken = _moment(instance, run.run_id, dg.DagsterEventType.RUN_STARTING)
    works = _moment(instance, run.run_id, dg.DagsterEventType.STEP_START)
    _settle(dagster)
    parts = (created - began, taken - created, works - taken, done - works)
    return (*parts, done - began - sum(parts), done - began)


def _moment(instance: dg.DagsterInstance, run_id: str, kind: dg.DagsterEventType) -> float:
    (record,) = instance.get_records_for_run(run_id, of_type=kind).records
    return record.event_log_entry.timestamp


if __name__ == "__main__":
    main()
