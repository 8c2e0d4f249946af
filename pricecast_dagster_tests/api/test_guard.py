"""Who may ask for what: every route with no token, a wrong one and the right one; foreign sites; large bodies."""

from hashlib import sha256
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from starlette.routing import BaseRoute

from pricecast_dagster.api.application import create_app
from pricecast_dagster.api.guard import LARGEST_BODY
from pricecast_dagster.api.services import serving
from pricecast_dagster.api.tokens import load_tokens
from pricecast_dagster.errors import SettingsError
from pricecast_dagster.settings import load_settings
from pricecast_dagster_tests.api.conftest import Api, client_of

TOKEN = "a-token-of-more-than-sixteen"
OPEN = {"/healthz", "/readyz", "/login", "/static/{name}"}


def all_calls(routes: list[BaseRoute]) -> list[tuple[str, str]]:
    return sorted((method, route.path_format) for route in routes if isinstance(route, APIRoute) for method in route.methods)


@pytest.fixture
def guarded(api: Api) -> TestClient:
    settings = load_settings(**api.shop.settings.model_dump() | {"api_tokens": [TOKEN]})
    return client_of(api.services, load_tokens(settings))


def test_every_route_asks_for_the_right_token_but_those_of_health(api: Api, guarded: TestClient) -> None:
    app = create_app(api.services, load_tokens(load_settings(api_tokens=[TOKEN])))
    calls = all_calls(flattened(app.router.routes))
    assert ("POST", "/ml/train/{sku}") in calls
    assert ("DELETE", "/ml/models/{sku}") in calls
    table = {}
    for method, path in calls:
        address = path.replace("{sku}", "nobody").replace("{job_id}", "none").replace("{name}", "none")
        given = {
            "no token": {},
            "wrong token": {"Authorization": "Bearer " + "x" * len(TOKEN)},
            "right token": {"Authorization": f"Bearer {TOKEN}"},
        }
        found = [guarded.request(method, address, headers=headers).status_code for headers in given.values()]
        # A wrong token in the form of the login is a 401 of its own.
        table[method, path] = [status != 401 or path == "/login" for status in found]
    assert table == {(method, path): [path in OPEN, path in OPEN, True] for method, path in calls}


def flattened(routes: list[BaseRoute]) -> list[BaseRoute]:
    found: list[BaseRoute] = []
    for route in routes:
        inner = getattr(route, "routes", None) or getattr(getattr(route, "original_router", None), "routes", None)
        found += flattened(list(inner)) if inner else [route]
    return found


def test_a_refusal_names_the_way_in_and_not_the_token(guarded: TestClient) -> None:
    answer = guarded.get("/ml/models", headers={"Authorization": "Bearer secret-that-is-wrong"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "secret-that-is-wrong" not in answer.text
    assert TOKEN not in guarded.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text


def test_tokens_may_come_hashed_from_a_file(api: Api, tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"# analysts\n{sha256(TOKEN.encode()).hexdigest()}  analysts\n")
    client = client_of(api.services, load_tokens(load_settings(api_tokens_file=str(file))))
    assert client.get("/ml/models", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert client.get("/ml/models", headers={"Authorization": f"Bearer {file.read_text().split()[2]}"}).status_code == 401


def test_a_plain_token_in_the_file_is_refused_without_showing_it(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"{TOKEN}\n")
    with pytest.raises(SettingsError, match="line 1 is no SHA-256") as refused:
        load_tokens(load_settings(api_tokens_file=str(file)))
    assert TOKEN not in str(refused.value)


def test_a_short_token_is_refused() -> None:
    with pytest.raises(SettingsError, match="has 5 characters"):
        load_tokens(load_settings(api_tokens=["short"]))


def test_without_a_token_only_this_machine_may_ask_whatever_name_leads_here(api: Api) -> None:
    assert api.client.get("/ml/models", headers={"Host": "evil.example"}).status_code == 403
    assert api.client.get("/ml/models", headers={"Host": "127.0.0.1:8000"}).status_code == 200
    assert api.client.get("/ml/models", headers={"Host": "[::1]:8000"}).status_code == 200


def test_a_page_of_another_site_cannot_train_or_delete(api: Api) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert api.client.delete("/ml/models/SKU0001", headers=headers).status_code == 403
        assert api.client.post("/ml/train/SKU0001", headers=headers).status_code == 403
    assert api.client.get("/ml/models/SKU0001").json()["exists"] is True


def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(api: Api) -> None:
    large = b'{"skus": ["' + b"x" * LARGEST_BODY + b'"]}'
    declared = api.client.post("/ml/predict", content=large)
    assert declared.status_code == 413
    streamed = api.client.post("/ml/predict", content=iter([large]), headers={"Content-Type": "application/json"})
    assert streamed.status_code == 413
    assert declared.json()["remedy"] == streamed.json()["remedy"] != ""
    many = api.client.post("/ml/predict", json={"skus": [str(number) for number in range(1001)]})
    assert many.status_code == 422


def test_every_answer_has_the_security_headers(api: Api) -> None:
    for path in ("/healthz", "/ml/models", "/nothing", "/"):
        headers = api.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-request-id"]


def test_the_models_in_memory_are_bounded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pricecast_dagster.api.services.MODELS_IN_MEMORY", 1)
    services = serving(api.shop.context())
    with client_of(services) as client:
        for sku in ("SKU0001", "SKU0002", "SKU0001"):
            assert client.get(f"/ml/predict/{sku}", params={"days_ahead": 20}).status_code == 200
    assert len(services.context.artifacts._recent) == 1  # type: ignore[attr-defined]
