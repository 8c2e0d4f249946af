"""A platform under proof: webserver, daemon and code server as processes of their own, a retailer, and the oracle beside them.

Belongs here: starting, changing the source, waiting until all is at rest, counting what Dagster's event storage holds. Not here:
which changes are made in which order (`scenario`).
"""

import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import dagster as dg

import pricecast_dagster
from pricecast_dagster.orchestration.client import UNFINISHED, DagsterClient
from pricecast_dagster.orchestration.instance import dagster_home
from pricecast_dagster.orchestration.launch import Dagster, running
from pricecast_dagster.schemas import DATE, PRICE, QUANTITY, SKU, STAGES
from pricecast_dagster.settings import Settings, load_settings
from pricecast_dagster.sources.synthetic import make_retailer
from pricecast_dagster.storage.keys import decode_key
from pricecast_dagster_tests.proofs.propagation import CHAIN, Attempt, Expected, Propagation
from pricecast_dagster_tests.proofs.world import FIRST_DAY, MODEL_DAYS, World

SENSORS = ("source_changed", "out_of_date")
LONG, SHORT = 130, 45
"""Days of history. The long ones have a model, the short ones a simple method: nothing of either is left out of the count."""

PACKAGE = Path(pricecast_dagster.__file__).parent


@dataclass
class Line:
    """One step of a scenario: what was expected, what was counted, and how long it took until all was at rest."""

    step: str
    expected: int
    counted: int
    failed: int
    runs: int
    seconds: float
    reasons: str
    right: bool


@dataclass
class Platform:
    """A retailer, its Dagster, and what the oracle says."""

    world: World
    settings: Settings
    oracle: Propagation
    seconds: float
    instance: dg.DagsterInstance | None = None
    dagster: Dagster | None = None
    seen: int = 0
    runs_seen: int = 0
    lines: list[Line] = field(default_factory=list)

    @contextmanager
    def up(self, code: Path | None = None) -> Iterator[None]:
        """Dagster's processes, with this repository's code or with another copy of it."""
        paths = [str(code or PACKAGE.parent), str(PACKAGE.parent)]
        with running(self.settings, environment={"PYTHONPATH": os.pathsep.join(paths)}) as self.dagster:
            if self.instance is None:
                self.instance = dg.DagsterInstance.from_config(str(dagster_home(self.settings)))
            yield

    def raise_code(self, stage: str) -> Path:
        """A copy of the code with the stage's code version raised."""
        copy = self.world.folder.parent / f"code-{stage}"
        shutil.copytree(PACKAGE, copy / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
        file = copy / PACKAGE.name / "stages" / "versions.py"
        text, count = re.subn(rf'(Stage\.{stage.upper()}: ")(\w+)"', r'\1\2-raised"', file.read_text())
        assert count == 1
        file.write_text(text)
        self.oracle.codes[stage] += 1
        return copy

    def write(self, shuffle: int = 0) -> None:
        """Hand the source over as it is now, in one of many equal forms."""
        self.world.write(shuffle)
        self.oracle.read = False

    def settle(self, step: str, expected: int | None = None, *, looks: int = 2, computing: bool = True) -> Line:
        """Wait until Dagster is at rest, and compare what it did with what the oracle says.

        Args:
            expected: how many materializations the issue asks for; the oracle has to agree.
            looks: how often both sensors have to have looked, finding nothing, before that counts as rest.
            computing: whether there is something to compute; without, runs that compute are counted as wrong.
        """
        source, oracle, began = self.world.products, self.oracle, time.monotonic()
        reading = not oracle.read
        if reading:
            oracle.take_in(source)
        told = oracle.work(oracle.concerned(source, reading=reading), source, CHAIN, reading=reading, asked=False)
        oracle.tell(told)
        oracle.read = True
        assert expected is None or told.done.total() == expected, f"{step}: the oracle says {told.done.total()}"
        if computing:
            self.wait(f"{step}: nothing is done", lambda: self._newest_counts(told) >= told.done.total())
        self.rest(looks)
        return self._line(step, told, time.monotonic() - began)

    def judge(self, step: str, told: Expected, began: float) -> Line:
        """Compare what Dagster did since the last step with what was to be done, once that and no more is under way."""
        self.oracle.tell(told)
        self.wait(f"{step}: it is not done", lambda: self._newest_counts(told) >= told.done.total())
        self.rest(1)
        return self._line(step, told, time.monotonic() - began)

    def note(self, step: str, *, right: bool, seconds: float, found: str) -> None:
        """A line about something other than counts: what was found, and whether it is right."""
        self.lines.append(Line(step, 0, 0, 0, 0, seconds, found, right))
        print("ok   " if right else "WRONG", f"{step}: {found}, {seconds:.1f} s", flush=True)

    def _line(self, step: str, told: Expected, seconds: float) -> Line:
        found, newest = self._news()
        self.seen = newest
        runs = self._instance.get_runs_count()
        why = Counter(reason for (_, _, reason), count in found.items() for _ in range(count))
        reasons = ", ".join(f"{reason} ({count})" for reason, count in why.most_common())
        right = found == told.done and self._red() == {item for item in self.oracle.red if item[0] in self.oracle.active}
        expected, failed = told.done.total(), told.failed.total()
        line = Line(step, expected, found.total(), failed, runs - self.runs_seen, seconds, reasons or "nothing", right)
        self.runs_seen = runs
        self.lines.append(line)
        print("ok   " if right else "WRONG", f"{step}: expected {expected}, counted {line.counted}, {seconds:.0f} s", flush=True)
        if not right:
            print("  too many:", list((found - told.done).items())[:8], "\n  missing:", list((told.done - found).items())[:8])
            print("  red:", sorted(self._red())[:8], "expected:", sorted(self.oracle.red)[:8])
        return line

    def rest(self, looks: int) -> None:
        """Wait until no run is under way and both sensors have looked so often without asking for anything."""
        quiet: dict[str, set[float]] = {sensor: set() for sensor in SENSORS}
        since = time.time()

        def at_rest() -> bool:
            nonlocal since
            if self.client.runs(statuses=UNFINISHED, limit=1):
                since = time.time()
                for seen in quiet.values():
                    seen.clear()
            for sensor, seen in quiet.items():
                seen |= {float(tick["timestamp"]) for tick in self._ticks(sensor) if float(tick["timestamp"]) > since}
            return all(len(seen) >= looks for seen in quiet.values())

        self.wait("it does not come to rest", at_rest)

    def wait(self, what: str, done: Callable[[], bool]) -> None:
        self._dagster.wait_until(done, what, self.seconds)

    def _newest_counts(self, told: Expected) -> int:
        # Counted by number while it is waited for: reading 2,000 events at each look would slow down what is looked at.
        if told.failed:
            return told.done.total() if not self.client.runs(statuses=UNFINISHED, limit=1) and self._began() else 0
        return self._news()[0].total() if self._idle_after_work() else 0

    def _began(self) -> bool:
        return self._instance.get_runs_count() > self.runs_seen

    def _idle_after_work(self) -> bool:
        return self._began() and not self.client.runs(statuses=UNFINISHED, limit=1)

    def _ticks(self, sensor: str) -> list[Mapping[str, object]]:
        found = self.client.query(_TICKS, {"sensor": sensor})["sensorOrError"]["sensorState"]["ticks"]
        return [tick for tick in found if tick["status"] == "SKIPPED"]

    def _news(self) -> tuple[Counter[Attempt], int]:
        done: Counter[Attempt] = Counter()
        newest = self.seen
        for stage in STAGES:
            wanted, cursor, more = dg.AssetRecordsFilter(dg.AssetKey(stage.value), after_storage_id=self.seen), None, True
            while more:
                page = self._instance.fetch_materializations(wanted, limit=1000, cursor=cursor)
                for record in page.records:
                    materialization = record.asset_materialization
                    assert materialization is not None and record.partition_key is not None
                    reason = str(materialization.metadata["reason"].value)
                    done[decode_key(record.partition_key), stage.value, reason] += 1
                    newest = max(newest, record.storage_id)
                cursor, more = page.cursor, page.has_more
        return done, newest

    def _red(self) -> set[tuple[str, str]]:
        found = set()
        for stage in STAGES:
            failed = self.client.partition_status(stage.value).failed
            found |= {(decode_key(key), stage.value) for key in failed}
        return found

    @property
    def client(self) -> DagsterClient:
        """Questions to the webserver."""
        return self._dagster.client

    @property
    def _dagster(self) -> Dagster:
        assert self.dagster is not None
        return self.dagster

    @property
    def _instance(self) -> dg.DagsterInstance:
        assert self.instance is not None
        return self.instance


def new_platform(folder: Path, products: int, database_url: str, *, seconds: float) -> Platform:
    """A platform that has not run yet: a synthetic retailer, a tenth of whose products are long enough for a model."""
    (folder / "source").mkdir(parents=True)
    retailer = make_retailer(days=LONG, products=products, seed=5, last_day=date.fromordinal(FIRST_DAY.toordinal() + LONG - 1))
    merged = retailer.prices.merge(retailer.sales, on=[SKU, DATE])
    world = World(folder / "source")
    for position, (sku, rows) in enumerate(merged.groupby(SKU, sort=True)):
        first = 0 if position % 10 == 0 else LONG - SHORT
        values = list(zip(rows[PRICE].tolist(), rows[QUANTITY].astype(float).tolist(), strict=True))
        world.products[str(sku)] = {day: values[day] for day in range(first, LONG)}
    settings = load_settings(
        source=str(folder / "source"),
        home=str(folder / "home"),
        database_url=database_url,
        optimize="never",
        horizon_days=7,
        minimum_history_days=MODEL_DAYS,
        sensor_seconds=2,
        jobs=1,
    )
    return Platform(world, settings, Propagation(), seconds)


_TICKS = """
query Ticks($sensor: String!) {
  sensorOrError(sensorSelector: {
    repositoryLocationName: "pricecast_dagster.definitions", repositoryName: "__repository__", sensorName: $sensor
  }) { ... on Sensor { sensorState { ticks(limit: 20) { timestamp status } } } }
}"""
