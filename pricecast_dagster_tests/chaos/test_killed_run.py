"""A run's worker is killed half-way: no product is left half done, and what was done is not done again."""

import os
import signal
from pathlib import Path

import pytest

from pricecast_dagster.orchestration.launch import running
from pricecast_dagster.schemas import STAGES
from pricecast_dagster.storage import forecasts, registry, states
from pricecast_dagster_tests.e2e.conftest import group_members
from pricecast_dagster_tests.shop import Shop, open_shop

pytestmark = pytest.mark.e2e

PRODUCTS = 32
CHUNK = 4


def done(shop: Shop) -> dict[str, int]:
    """SKU -> how many of its stages hold something."""
    with shop.context().database.read() as connection:
        held = states.read_states(connection)
    found: dict[str, int] = {}
    for (sku, _), state in held.items():
        found[sku] = found.get(sku, 0) + (state.data_version is not None)
    return found


def test_a_killed_worker_leaves_every_product_old_or_new_and_its_successor_finishes_the_rest(tmp_path: Path) -> None:
    shop = open_shop(tmp_path, products=PRODUCTS, chunk_size=CHUNK)
    with running(shop.settings) as dagster:
        dagster.wait_until(lambda: len(done(shop)) >= 2 * CHUNK, "no chunk is committed", 120)
        workers = [pid for process in dagster.processes for pid in group_members(process.child.pid, "spawn_main")]
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        assert workers
        after_the_kill = done(shop)
        assert len(after_the_kill) < PRODUCTS
        assert set(after_the_kill.values()) == {len(STAGES)}
        with shop.context().database.read() as connection:
            before = registry.champions(connection)

        dagster.wait_until(lambda: len(done(shop)) == PRODUCTS, "the rest is not finished", 180)
        dagster.wait_until(
            lambda: len(dagster.client.partition_status("forecast").materialized) == PRODUCTS, "Dagster is not told", 60
        )
    assert set(done(shop).values()) == {len(STAGES)}
    with shop.context().database.read() as connection:
        champions = registry.champions(connection)
        versions = {sku: len(registry.versions(connection, sku)) for sku in champions}
        current = forecasts.currents(connection, champions)
    assert {sku: champions[sku].version for sku in before} == {sku: model.version for sku, model in before.items()}
    assert versions == dict.fromkeys(champions, 1)
    assert {sku: forecast.model_version for sku, forecast in current.items()} == {
        sku: model.version for sku, model in champions.items()
    }
