"""Names that want to be something else: a round trip or a clear 4xx, and nothing else on disk."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from pricecast_dagster.api.application import create_app
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.storage import products
from pricecast_dagster_tests.api.conftest import listening, make_api
from pricecast_dagster_tests.databases import KINDS

NAMES = (
    "../../etc/passwd",
    "..%2f..%2fetc/passwd",
    "a/b",
    "a/rollback",
    "/",
    "//",
    ".",
    "..",
    "🍎🧺",
    "x" * 300,
    "'; DROP TABLE product; --",
    '" OR 1=1',
    "%",
    "%00",
    "%2F",
    "a b+c&d=e?f#g",
    "{sku}",
    "çãõ",
    "<script>alert(1)</script>",
    "\u202eright to left",
)
REFUSED = ("\x00", "a\x00b", "\n", "\x7f", "x" * 2001, "é" * 500)


@dataclass
class Server:
    """A real one: a test client decodes addresses twice, and browsers tidy dots away."""

    port: int
    folder: Path
    context: StageContext

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, str, Any]:
        """Status, type and document of an answer."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.headers["Content-Type"], json.loads(answer.read())


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("names")
    shop, services = make_api(request.param, folder)
    with listening(create_app(services)) as port:
        yield Server(port, folder, shop.context())


def files(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*") if "pricecast.db" not in path.name}


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_goes_there_and_back_and_nothing_changes_on_disk(server: Server, name: str) -> None:
    before = files(server.folder)
    address = quote(name, safe="")
    calls = [
        ("GET", f"/ml/predict/{address}"),
        ("GET", f"/ml/models/{address}"),
        ("DELETE", f"/ml/models/{address}"),
        ("GET", f"/ml/history/{address}"),
        ("GET", f"/ml/explain/{address}"),
        ("POST", f"/ml/train/{address}"),
        ("POST", f"/ml/models/{address}/rollback"),
    ]
    for method, path in calls:
        status, kind, found = server.ask(method, path)
        assert (status, kind) == (404, "application/problem+json"), (method, path, found)
        assert repr(name) in found["detail"]
    with server.context.database.write() as connection:
        products.upsert(connection, [(name, name, "")], server.context.clock())
    status, _, found = server.ask("GET", f"/ml/models/{address}")
    assert (status, found["sku"], found["exists"]) == (200, name, False)
    # It has no history yet: a clear 4xx, of that very product.
    status, _, found = server.ask("GET", f"/ml/predict/{address}")
    assert status == 422
    assert repr(name) in found["detail"]
    assert files(server.folder) == before
    assert server.ask("GET", "/ml/models")[2]["count"] == 3


def test_the_address_of_a_rollback_has_no_other_method_unless_it_is_the_name_of_a_product(server: Server) -> None:
    for method in ("GET", "DELETE"):
        assert server.ask(method, "/ml/models/SKU0001/rollback")[0] == 405
        assert server.ask(method, "/ml/models/SKU0001%2Frollback")[0] == 404


@pytest.mark.parametrize("name", REFUSED, ids=lambda name: ascii(name)[:20])
def test_a_name_that_nobody_can_have_is_a_422(server: Server, name: str) -> None:
    address = quote(name, safe="")
    for method, path in (("GET", "predict"), ("POST", "train"), ("DELETE", "models"), ("GET", "history")):
        assert server.ask(method, f"/ml/{path}/{address}")[0] == 422
    assert server.ask("POST", "/ml/predict", json.dumps({"skus": [name]}).encode())[0] == 422


def test_a_lone_surrogate_in_a_body_is_refused(server: Server) -> None:
    assert server.ask("POST", "/ml/predict", b'{"skus": ["\\ud800"]}')[0] == 422
