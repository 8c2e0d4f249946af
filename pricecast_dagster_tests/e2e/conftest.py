"""A shop and a Dagster that looks after it, for all tests of a file; each test leaves it idle."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pricecast_dagster.orchestration.client import UNFINISHED
from pricecast_dagster.orchestration.launch import Dagster, running
from pricecast_dagster.schemas import STAGES
from pricecast_dagster_tests.shop import Shop, open_shop

ASSETS = tuple(stage.value for stage in STAGES)
SENSORS = ("source_changed", "out_of_date")
SECONDS = 120.0


@dataclass
class Watched:
    """A shop under Dagster's eyes, and questions a person would answer from the web page."""

    shop: Shop
    dagster: Dagster

    def counts(self) -> dict[str, Counter[str]]:
        """Asset -> partition -> how often it was materialized."""
        return {asset: self.dagster.client.counts(asset) for asset in ASSETS}

    def since(self, before: dict[str, Counter[str]]) -> dict[str, dict[str, int]]:
        """The same, since then; assets without news are left out."""
        news = {asset: dict(now - before[asset]) for asset, now in self.counts().items()}
        return {asset: counts for asset, counts in news.items() if counts}

    def runs(self) -> int:
        """How many runs of the job there were."""
        return len(self.dagster.client.runs(limit=1000))

    def idle(self) -> bool:
        """Whether no run is under way."""
        return not self.dagster.client.runs(statuses=UNFINISHED)

    def wait(self, what: str, done: Callable[[], bool]) -> None:
        """Wait until it is so and no run is under way."""
        self.dagster.wait_until(lambda: done() and self.idle(), what, SECONDS)

    def wait_for_looks(self, count: int = 2) -> None:
        """Wait until both sensors have looked so many times more: at least one look has begun since."""
        seen: dict[str, set[float]] = {sensor: {self._last_look(sensor)} for sensor in SENSORS}

        def looked() -> bool:
            for sensor in SENSORS:
                seen[sensor].add(self._last_look(sensor))
            return all(len(looks) > count for looks in seen.values())

        self.dagster.wait_until(looked, "the sensors do not look", SECONDS)

    def _last_look(self, sensor: str) -> float:
        ticks = self.dagster.client.query(_TICKS, {"sensor": sensor})["sensorOrError"]["sensorState"]["ticks"]
        return float(ticks[0]["timestamp"]) if ticks else 0.0


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("shop")
    shop = open_shop(folder, products=8, chunk_size=4)
    # With a product list, a product without a usable row is a fault; without one it is just not there.
    names = shop.rows[["sku"]].drop_duplicates().assign(name="", category="")
    names.to_csv(shop.file.with_name("products.csv"), index=False)
    with running(shop.settings) as dagster:
        yield Watched(shop, dagster)


def group_members(group: int, word: str) -> list[int]:
    """Processes of a process group whose command line has a word; Linux only."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if os.getpgid(int(entry.name)) == group and word in (entry / "cmdline").read_text():
                found.append(int(entry.name))
        except (ProcessLookupError, FileNotFoundError):
            continue
    return found


_TICKS = """
query Ticks($sensor: String!) {
  sensorOrError(sensorSelector: {
    repositoryLocationName: "pricecast_dagster.definitions", repositoryName: "__repository__", sensorName: $sensor
  }) { ... on Sensor { sensorState { ticks(limit: 1) { timestamp status } } } }
}"""
