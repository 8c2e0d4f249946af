"""schemathesis over the whole schema, all checks on: with everything in order, and with the database gone."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pricecast_dagster.api.application import create_app
from pricecast_dagster.api.services import serving
from pricecast_dagster.api.tokens import load_tokens
from pricecast_dagster.orchestration.client import DagsterClient
from pricecast_dagster.settings import load_settings
from pricecast_dagster_tests.api.conftest import NOWHERE, listening, make_api, make_shop
from pricecast_dagster_tests.api.webserver import small_webserver
from pricecast_dagster_tests.databases import KINDS

pytestmark = pytest.mark.e2e

TOKEN = "a-token-of-more-than-sixteen"
EXAMPLES = 15


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


def test_with_the_database_gone_there_are_only_503s(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shop = make_shop(tmp_path / "shop", "", dagster_url=NOWHERE)
    services = serving(shop.context())
    database = tmp_path / "shop" / "home" / "pricecast.db"
    services.context.database.close()
    hidden = database.rename(tmp_path / "hidden.db")
    database.mkdir()
    tokens = load_tokens(load_settings(api_tokens=[TOKEN]))
    with listening(create_app(services, tokens)) as port:
        # Left out: a 503 is a server error to it; and GET of /ml/models/x/rollback, undeclared, is the model of `x/rollback`,
        # which needs the database to say that there is none.
        told = fuzz(port, tmp_path, "--checks", "all", "--exclude-checks", "not_a_server_error,unsupported_method")
        database.rmdir()
        hidden.rename(database)
    assert "passed" in told
    assert not [record for record in caplog.records if record.exc_info]
