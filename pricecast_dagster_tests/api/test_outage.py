"""The database goes and comes back: 503s that say so, no traceback, and no restart."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pricecast_dagster.api.services import serving
from pricecast_dagster_tests.api.conftest import NOWHERE, client_of, make_shop
from pricecast_dagster_tests.postgres import PostgresMissingError, PostgresServer, restartable_postgres

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


def test_with_its_database_damaged_every_call_is_a_503_that_says_so(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", "", dagster_url=NOWHERE)
    services = serving(shop.context())
    database = tmp_path / "shop" / "home" / "pricecast.db"
    with client_of(services) as client:
        before = {path: client.get(path).content for path in READING}
        services.context.database.close()
        whole = database.read_bytes()
        database.write_bytes(b"no database " * (len(whole) // 12))
        for method, path in [*(("GET", path) for path in READING), *WRITING]:
            answer = client.request(method, path)
            assert answer.status_code == 503, (path, answer.text)
            assert "is damaged" in answer.json()["detail"]
            assert "pricecast restore" in answer.json()["remedy"]
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert "is damaged" in ready.json()["database"]
        assert "pricecast_database_up 0.0" in client.get("/metrics").text
        services.context.database.close()
        database.write_bytes(whole)
        assert {path: client.get(path).content for path in READING} == before
    services.context.database.close()


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    try:
        with restartable_postgres() as server:
            yield server
    except PostgresMissingError as error:
        pytest.skip(str(error))


def test_postgres_that_was_stopped_and_comes_back_is_found_without_a_restart(postgres: PostgresServer, tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", postgres.new_database(), dagster_url=NOWHERE)
    services = serving(shop.context())
    with client_of(services) as client:
        # Twice: what is kept in memory does not outlive the database that it is from.
        before, _ = ({path: client.get(path).content for path in READING} for _ in range(2))
        postgres.stop()
        for method, path in [*(("GET", path) for path in READING), *WRITING]:
            answer = client.request(method, path)
            assert answer.status_code == 503, (path, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["retry-after"]
            assert "Traceback" not in answer.text
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 503
        postgres.start()
        assert {path: client.get(path).content for path in READING} == before
        assert client.get("/readyz").status_code == 200
        assert client.delete("/ml/models/SKU0001").status_code == 204
        assert client.get("/ml/predict/SKU0001").json()["model_used"].startswith("MovingAverage")
    services.context.database.close()


def test_a_restart_of_postgres_between_two_calls_is_not_noticed(postgres: PostgresServer, tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", postgres.new_database(), dagster_url=NOWHERE)
    services = serving(shop.context())
    with client_of(services) as client:
        before = {path: client.get(path).content for path in READING}
        postgres.stop()
        postgres.start()
        assert {path: client.get(path).content for path in READING} == before
    services.context.database.close()


def test_without_its_store_what_needs_files_is_a_503_and_stored_forecasts_are_told(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'elsewhere.db'}", dagster_url=NOWHERE)
    services = serving(shop.context())
    home = tmp_path / "shop" / "home"
    with client_of(services) as client:
        hidden = home.rename(tmp_path / "hidden")
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert (ready.json()["database"], ready.json()["store"] != "ok") == ("ok", True)
        assert client.get("/ml/predict/SKU0001").status_code == 200
        for path in ("/ml/history/SKU0001", "/ml/explain/SKU0001", "/ml/predict/SKU0001?days_ahead=60"):
            answer = client.get(path)
            assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json"), answer.text
        hidden.rename(home)
        assert client.get("/readyz").status_code == 200
        assert client.get("/ml/history/SKU0001").status_code == 200
    services.context.database.close()
