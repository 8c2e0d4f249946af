"""A run's worker is killed half-way through a batch: every product is either old or new, and the rest is finished."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from pricecast_dagster.orchestration.launch import Dagster, running
from pricecast_dagster.schemas import Stage
from pricecast_dagster.storage.forecasts import currents
from pricecast_dagster.storage.registry import champions
from pricecast_dagster.storage.states import read_states
from pricecast_dagster_tests.e2e.conftest import ASSETS, Watched, group_members
from pricecast_dagster_tests.shop import Shop, open_shop

pytestmark = pytest.mark.e2e

PRODUCTS = 24
CHUNK = 3


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Watched]:
    shop = open_shop(tmp_path, products=PRODUCTS, chunk_size=CHUNK)
    with running(shop.settings) as dagster:
        yield Watched(shop, dagster)


def worker(dagster: Dagster) -> int:
    """The process of the run: a child of the code server, in its group."""
    code_server = dagster.processes[0].child.pid
    members = set(group_members(code_server, "")) - {code_server}
    return next(member for member in members if "spawn_main" in Path(f"/proc/{member}/cmdline").read_text())


def built(shop: Shop) -> set[str]:
    """Products whose four stages are recorded; fails if one has a part of them, or a model or forecast that does not fit."""
    with shop.context().database.read() as connection:
        states = read_states(connection)
        models, forecasts = champions(connection), currents(connection, {sku for sku, _ in states})
    whole = {sku for sku, _ in states if all((sku, stage) in states for stage in Stage)}
    assert {sku for sku, _ in states} == whole == set(models) == set(forecasts)
    for sku in whole:
        assert states[sku, Stage.PRICE_MODEL].data_version == models[sku].version == forecasts[sku].model_version
        assert states[sku, Stage.RAW_HISTORY].data_version == models[sku].history_version == forecasts[sku].history_version
    return whole


def test_a_killed_worker_leaves_products_old_or_new_and_the_rest_is_finished_without_redoing_the_done(busy: Watched) -> None:
    dagster, shop = busy.dagster, busy.shop
    dagster.wait_until(lambda: len(dagster.client.counts("forecast")) >= 2 * CHUNK, "nothing is done", 120)
    os.kill(worker(dagster), signal.SIGKILL)
    done = built(shop)
    assert 2 * CHUNK <= len(done) < PRODUCTS
    with shop.context().database.read() as connection:
        before = {sku: model.version for sku, model in champions(connection).items()}

    dagster.wait_until(lambda: len(dagster.client.counts("forecast")) == PRODUCTS, "the rest is not finished", 240)
    busy.wait("a run is still under way", lambda: True)
    assert len(built(shop)) == PRODUCTS
    with shop.context().database.read() as connection:
        after = {sku: model.version for sku, model in champions(connection).items()}
    assert {sku: after[sku] for sku in before} == before
    for asset in ASSETS:
        twice = {key for key, count in busy.counts()[asset].items() if count > 1}
        # Killed between telling Dagster and noting that it was told, a chunk is told again.
        assert len(twice) <= CHUNK
