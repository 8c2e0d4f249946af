"""The database goes and comes back: 503s that say so, no traceback, and no restart."""

from pathlib import Path

import pytest

from pricecast_dagster.api.services import serving
from pricecast_dagster_tests.api.conftest import NOWHERE, client_of, make_shop
from pricecast_dagster_tests.postgres import PostgresMissingError, postgres_server

READING = (
    "/ml/predict/SKU0001",
    "/ml/models",
    "/ml/models/SKU0001",
    "/ml/history/SKU0001",
    "/ml/forecasts.csv",
    "/ml/forecasts.parquet",
)
WRITING = (
    ("POST", "/ml/train/SKU0001"),
    ("DELETE", "/ml/models/SKU0001"),
    ("POST", "/ml/models/SKU0001/rollback"),
)


def test_without_its_database_every_call_is_a_503_and_with_it_all_is_as_before(tmp_path: Path) -> None:
    """On SQLite: the file is gone, and comes back."""
    shop = make_shop(tmp_path / "shop", "", dagster_url=NOWHERE)
    services = serving(shop.context())
    database = tmp_path / "shop" / "home" / "pricecast.db"
    with client_of(services) as client:
        before = {path: client.get(path).content for path in READING}
        services.context.database.close()
        hidden = database.rename(tmp_path / "hidden.db")
        database.mkdir()
        for method, path in [*(("GET", path) for path in READING), *WRITING]:
            answer = client.request(method, path)
            assert answer.status_code == 503, (path, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            assert "Traceback" not in answer.text
            assert answer.headers["retry-after"]
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["database"] != "ok"
        assert ready.json()["store"] == "ok"
        assert client.get("/healthz").status_code == 200
        assert "pricecast_database_up 0.0" in client.get("/metrics").text
        database.rmdir()
        hidden.rename(database)
        assert {path: client.get(path).content for path in READING} == before
        assert client.get("/readyz").status_code == 200


def test_postgres_that_was_stopped_is_found_again(tmp_path: Path) -> None:
    try:
        with postgres_server() as new_database:
            shop = make_shop(tmp_path / "shop", new_database(), dagster_url=NOWHERE)
            services = serving(shop.context())
            with client_of(services) as client:
                assert client.get("/ml/predict/SKU0001").status_code == 200
    except PostgresMissingError as error:
        pytest.skip(str(error))
    with client_of(services) as client:
        for path in READING:
            answer = client.get(path)
            assert answer.status_code == 503, (path, answer.text)
            assert "Traceback" not in answer.text
    services.context.database.close()
