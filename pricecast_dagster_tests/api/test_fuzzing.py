"""schemathesis over the whole schema, all checks on: with everything in order, and with the database gone."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pricecast_dagster.api.access_log import AccessLog
from pricecast_dagster.api.application import create_app
from pricecast_dagster.api.services import serving
from pricecast_dagster.api.tokens import load_tokens
from pricecast_dagster.orchestration.client import DagsterClient
from pricecast_dagster.settings import load_settings
from pricecast_dagster_tests.api.conftest import NOWHERE, listening, make_api, make_shop
from pricecast_dagster_tests.api.webserver import small_webserver
from pricecast_dagster_tests.databases import KINDS
from pricecast_dagster_tests.postgres import PostgresMissingError, restartable_postgres

pytestmark = pytest.mark.e2e

TOKEN = "a-token-of-more-than-sixteen"
EXAMPLES = 15
WITHOUT_DATABASE = {"/healthz", "/metrics", "/openapi.json"}


def fuzz(port: int, folder: Path, *options: str) -> str:
    """What schemathesis prints; it fails here where it does there."""
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"http://127.0.0.1:{port}/openapi.json"]
    header = ["-H", f"Authorization: Bearer {TOKEN}"]
    limits = ["--max-examples", str(EXAMPLES), "--seed", "1", "--workers", "1", "--request-timeout", "60", "--no-color"]
    done = subprocess.run(
        [*command, *header, *limits, *options], cwd=folder, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_all_checks_on_the_whole_schema(kind: str, tmp_path: Path) -> None:
    _, services = make_api(kind, tmp_path)
    tokens = load_tokens(load_settings(api_tokens=[TOKEN]))
    with small_webserver() as dagster:
        dagster.status = "FAILURE"  # a run that ends at once: nobody waits for it
        app = create_app(replace(services, dagster=DagsterClient(dagster.url)), tokens)
        with listening(app) as port:
            told = fuzz(port, tmp_path, "--checks", "all")
    assert "Server error" not in told


@contextmanager
def sqlite_that_goes(folder: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """An empty URL (the database in the home), and what takes it away."""

    def go() -> None:
        file = folder / "shop" / "home" / "pricecast.db"
        file.rename(folder / "hidden.db")
        file.mkdir()

    yield "", go


@contextmanager
def postgres_that_goes(_: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """A database of a server, and what stops it."""
    try:
        with restartable_postgres() as server:
            yield server.new_database(), server.stop
    except PostgresMissingError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("database_that_goes", [sqlite_that_goes, postgres_that_goes])
def test_with_the_database_gone_there_are_only_503s(
    database_that_goes: Callable[[Path], AbstractContextManager[tuple[str, Callable[[], None]]]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tokens = load_tokens(load_settings(api_tokens=[TOKEN]))
    written: list[str] = []
    with database_that_goes(tmp_path) as (url, go):
        services = serving(make_shop(tmp_path / "shop", url, dagster_url=NOWHERE).context())
        services.context.database.close()
        go()
        with listening(create_app(services, tokens, AccessLog(written.append))) as port:
            # One check cannot hold here, that no answer is from 500 on; in its place stands what follows, which is stricter.
            told = fuzz(port, tmp_path, "--checks", "all", "--exclude-checks", "not_a_server_error")
        services.context.database.close()
    assert "passed" in told
    assert not [record for record in caplog.records if record.exc_info]
    lines = [json.loads(line) for line in written]
    assert {line["path"] for line in lines if line["status"] < 400} <= WITHOUT_DATABASE
    assert {line["status"] for line in lines if line["status"] >= 500} == {503}
    refused = {line["route"] for line in lines if line["status"] == 503}
    assert refused >= {"/readyz", "/ml/predict/{sku}", "/ml/models", "/ml/train/{sku}", "/ml/forecasts.parquet"}
