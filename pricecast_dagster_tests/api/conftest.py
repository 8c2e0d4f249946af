"""A shop that was refreshed once, on SQLite and on PostgreSQL, and a client of the API over it."""

import atexit
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from threading import Thread
from typing import Any

import pandas as pd
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response

from pricecast_dagster.api.access_log import AccessLog
from pricecast_dagster.api.application import create_app
from pricecast_dagster.api.services import Services, serving
from pricecast_dagster.api.tokens import Tokens
from pricecast_dagster.settings import load_settings
from pricecast_dagster_tests.databases import KINDS, new_database_url, shared_postgres
from pricecast_dagster_tests.postgres import PostgresMissingError
from pricecast_dagster_tests.shop import Clock, Shop, open_shop

NOWHERE = "http://127.0.0.1:9"
"""No Dagster listens there."""

PATIENCE_SECONDS = 10

YOUNG = "SKU0004"
"""A product of 20 days: a simple method answers for it."""


@dataclass
class Api:
    """A running application over a shop."""

    shop: Shop
    services: Services
    client: TestClient

    def answer(self, sku: str, holds: Callable[[Any], bool], **parameters: object) -> Response:
        """The forecast of a product after another writer's commit, asked for until this holds of it.

        On SQLite the next answer has to know of it, on PostgreSQL the one after its notification has arrived: a fraction of a
        millisecond later, and longer on a machine that has other things to do.
        """
        until = time.monotonic() + (PATIENCE_SECONDS if self.services.context.database.kind != "sqlite" else 0)
        while True:
            answer = self.client.get(f"/ml/predict/{sku}", params=parameters)
            if holds(answer.json()) or time.monotonic() > until:
                assert holds(answer.json()), answer.text
                return answer


def make_shop(folder: Path, database_url: str, **settings: object) -> Shop:
    """Four products, refreshed; the last one is young, and one has a name that wants care in an address."""
    shop = open_shop(folder, products=4, database_url=database_url, **settings)
    rows = shop.rows
    young = rows[rows["sku"] == YOUNG].index[:-20]
    shop.rows = rows.drop(young).replace({"sku": {"SKU0003": "açúcar 1/2 kg"}}).reset_index(drop=True)
    shop.save()
    report = shop.refresh()
    assert not report.failed
    return shop


@cache
def _made(kind: str) -> tuple[Path, str]:
    """A refreshed home, and its database on PostgreSQL, to be copied: a refresh takes two seconds."""
    folder = Path(mkdtemp(prefix="api-shop-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    url = "" if kind == "sqlite" else new_database_url(kind, folder)
    make_shop(folder, url)
    return folder, url


def client_of(services: Services, tokens: Tokens | None = None, access: AccessLog | None = None) -> TestClient:
    return TestClient(create_app(services, tokens, access), raise_server_exceptions=False)


def make_api(kind: str, folder: Path) -> tuple[Shop, Services]:
    """A refreshed shop on a database of that kind, and services over it."""
    try:
        made, url = _made(kind)
    except PostgresMissingError as error:
        pytest.skip(str(error))
    shutil.copytree(made, folder / "shop")
    settings = load_settings(
        source=str(folder / "shop" / "source"),
        home=str(folder / "shop" / "home"),
        database_url=shared_postgres()(template=url) if url else "",
        optimize="never",
        jobs=1,
        dagster_url=NOWHERE,
    )
    rows = pd.read_csv(folder / "shop" / "source" / "history.csv", parse_dates=["date"])
    shop = Shop(folder / "shop", settings, rows, Clock())
    shop.clock.now += timedelta(days=1)
    return shop, serving(shop.context())


@pytest.fixture(params=KINDS)
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Api]:
    """Of one kind of database after the other, for tests that change something."""
    shop, services = make_api(request.param, tmp_path)
    with client_of(services) as client:
        yield Api(shop, services, client)
    # Its connections end with the test: PostgreSQL takes a hundred, and waits for them when it is stopped.
    services.context.database.close()


@contextmanager
def listening(app: FastAPI) -> Iterator[int]:
    """A real server on loopback; gives its port."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off"))
    thread = Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            thread.join(0.01)
        yield int(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()
