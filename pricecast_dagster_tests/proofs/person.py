"""A person's share of the scenario: backfills, one model while a batch runs, the marks and the reasons on the page.

Belongs here: the steps in the browser and what they are to bring about. Not here: what is clicked (`browser`).
"""

import time
from collections.abc import Sequence

from pricecast_dagster.orchestration.client import LOCATION, REPOSITORY, UNFINISHED
from pricecast_dagster.storage.keys import encode_key
from pricecast_dagster_tests.proofs.browser import Browser
from pricecast_dagster_tests.proofs.platform import Platform
from pricecast_dagster_tests.proofs.propagation import CHAIN, FORECAST, MODEL, Expected

FIVE_TRIALS = "ops: {pricecast: {config: {optimize: always, n_trials: 5}}}"
START_SECONDS = 30.0


def backfills(platform: Platform, browser: Browser, skus: Sequence[str], scattered: int) -> None:
    """Three in five of all, neighbours: a single run. Then scattered ones: Dagster makes a run of each, one after the other."""
    beginnings = [f"SKU{digit:0{5 - len(str(len(skus)))}d}" for digit in (1, 2, 3)]
    neighbours = [sku for sku in skus if sku.startswith(tuple(beginnings))]
    _backfill(platform, browser, f"backfill of {len(neighbours)} contiguous products", neighbours, beginnings[0])
    chosen = list(skus[2 :: max(2, len(skus) // scattered)][:scattered])
    _backfill(platform, browser, f"backfill of {len(chosen)} scattered products", chosen, "")


def _backfill(platform: Platform, browser: Browser, step: str, skus: list[str], beginning: str) -> None:
    browser.backfill([encode_key(sku) for sku in skus], beginning)
    began = time.monotonic()
    told = platform.oracle.work(skus, platform.world.products, CHAIN, reading=True, asked=True)
    platform.judge(step, told, began)


def one_model_while_a_batch_runs(platform: Platform, browser: Browser, changed: Sequence[str], sku: str) -> None:
    """A batch is under way; a person wants one model, tuned with five trials: it starts within half a minute."""
    world, oracle, began = platform.world, platform.oracle, time.monotonic()
    _pause(platform, "out_of_date")
    for name in changed:
        world.append_day(name, 0.97)
    platform.write()
    platform.wait("no batch starts", lambda: bool(platform.client.runs(statuses=["STARTED"], limit=1)))
    batch = platform.client.runs(statuses=["STARTED"], limit=1)[0]
    asked = time.time()
    browser.materialize(MODEL, encode_key(sku), FIVE_TRIALS)
    platform.wait("the model's run does not start", lambda: _started(platform, sku, asked) is not None)
    started = _started(platform, sku, asked)
    assert started is not None
    batch_runs = not platform.client.run(batch.run_id).finished
    platform.note(
        "one model with 5 trials, launched in the page, starts while the batch runs",
        right=started - asked < START_SECONDS and batch_runs,
        seconds=started - asked,
        found="the batch is under way" if batch_runs else "the batch was done already",
    )
    oracle.take_in(world.products)
    told = oracle.work(oracle.concerned(world.products, reading=True), world.products, CHAIN, reading=True, asked=False)
    oracle.read = True
    told = _and(told, oracle.work([sku], world.products, [MODEL], reading=False, asked=True))
    platform.wait("batch and model do not end", lambda: not platform.client.runs(statuses=UNFINISHED, limit=1))
    _look(platform, browser, FORECAST, sku, has="Unsynced")
    _resume(platform, "out_of_date")
    told = _and(told, oracle.work([sku], world.products, [FORECAST], reading=False, asked=False))
    platform.judge(f"the batch of {len(changed)}, the model, and the forecast that follows it", told, began)
    _look(platform, browser, FORECAST, sku, has="model changed", has_not="Unsynced")
    _look(platform, browser, MODEL, sku, has="asked for", has_not="Unsynced")
    _look(platform, browser, FORECAST, changed[0], has="data changed", has_not="Unsynced")


def look_at_failure(platform: Platform, browser: Browser, asset: str, sku: str) -> None:
    """The partition is red to a person, too, who is told of the run."""
    _look(platform, browser, asset, sku, has="failed, and did not materialize this asset", colour="red")


def _look(
    platform: Platform, browser: Browser, asset: str, sku: str, *, has: str, has_not: str | None = None, colour: str = "green"
) -> None:
    began = time.monotonic()
    text = browser.partition(asset, encode_key(sku))
    right = text.startswith(colour) and has in text and (has_not is None or has_not not in text)
    wanted = f"“{has}” in {colour}" + (f" and no “{has_not}”" if has_not else "")
    platform.note(f"the page of {asset}, {sku}, says {wanted}", right=right, seconds=time.monotonic() - began, found=text[:80])


def _and(one: Expected, other: Expected) -> Expected:
    return Expected(one.done + other.done, one.failed + other.failed)


def _started(platform: Platform, sku: str, since: float) -> float | None:
    """When the run that the page launched for a partition started (Unix time)."""
    answer = platform.client.query(_STARTS, {"key": encode_key(sku)})["runsOrError"]["results"]
    starts = [run["startTime"] for run in answer if run["startTime"] and run["creationTime"] >= since]
    return float(starts[0]) if starts else None


def _pause(platform: Platform, sensor: str) -> None:
    state = platform.client.query(_SENSOR, {"sensor": _selector(sensor)})["sensorOrError"]["sensorState"]
    platform.client.query("mutation($id: String!) { stopSensor(id: $id) { __typename } }", {"id": state["id"]})


def _resume(platform: Platform, sensor: str) -> None:
    start = "mutation($sensor: SensorSelector!) { startSensor(sensorSelector: $sensor) { __typename } }"
    platform.client.query(start, {"sensor": _selector(sensor)})


def _selector(sensor: str) -> dict[str, str]:
    return {"repositoryLocationName": LOCATION, "repositoryName": REPOSITORY, "sensorName": sensor}


_STARTS = """
query Starts($key: String!) {
  runsOrError(filter: {tags: [{key: "dagster/partition", value: $key}]}, limit: 5) {
    ... on Runs { results { creationTime startTime } }
  }
}"""

_SENSOR = """
query SensorState($sensor: SensorSelector!) {
  sensorOrError(sensorSelector: $sensor) { ... on Sensor { sensorState { id } } }
}"""
