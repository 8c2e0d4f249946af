"""HEAD: what GET answers, without the body, on every address that has a GET."""

import http.client
from contextlib import closing

import pytest

from pricecast_dagster.api.application import create_app
from pricecast_dagster_tests.api.conftest import Api, client_of, listening

ADDRESSES = (
    "/healthz",
    "/readyz",
    "/metrics",
    "/ml/models",
    "/ml/models/SKU0001",
    "/ml/predict/SKU0001",
    "/ml/predict/SKU0001?days_ahead=20",
    "/ml/predict/nobody",
    "/ml/predict/SKU0001?days_ahead=0",
    "/ml/history/SKU0001",
    "/ml/forecasts.csv",
    "/ml/forecasts.parquet",
    "/openapi.json",
    "/",
    "/static/page.css",
    "/nothing",
)
OF_ONE_REQUEST = {"x-request-id", "date"}
CHANGING = {"/metrics": {"content-length"}, "/readyz": {"content-length"}}
"""Figures and times in these answers are not the same twice."""


def test_every_get_answers_head_with_its_status_and_headers_and_no_body(api: Api) -> None:
    for address in ADDRESSES:
        got, asked = api.client.get(address), api.client.head(address)
        assert asked.status_code == got.status_code, address
        assert asked.content == b""
        path = address.partition("?")[0]
        differing = {name for name, value in got.headers.items() if asked.headers.get(name) != value}
        # A problem document carries the id of its request, which is as long as any other.
        assert differing <= OF_ONE_REQUEST | CHANGING.get(path, set()), address
        assert asked.headers.keys() == got.headers.keys(), address


def test_an_unchanged_forecast_is_a_304_for_head_too(api: Api) -> None:
    tag = api.client.head("/ml/predict/SKU0001").headers["etag"]
    assert api.client.head("/ml/predict/SKU0001", headers={"If-None-Match": tag}).status_code == 304


def test_an_address_without_get_refuses_head_and_names_what_it_has(api: Api) -> None:
    refused = api.client.head("/ml/train/SKU0001")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert api.client.put("/ml/models/SKU0001").headers["allow"] == "DELETE, GET, HEAD"


def test_head_is_counted_as_such_and_is_not_in_the_schema(api: Api) -> None:
    api.client.head("/ml/models")
    assert 'method="HEAD",route="/ml/models",status="200"' in api.client.get("/metrics").text
    paths = api.client.get("/openapi.json").json()["paths"]
    assert not [path for path, operations in paths.items() if "head" in operations]


@pytest.mark.parametrize("address", ["/healthz", "/ml/models", "/ml/forecasts.csv", "/nothing"])
def test_a_real_server_keeps_the_connection_after_a_head(api: Api, address: str) -> None:
    with (
        listening(create_app(api.services)) as port,
        closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection,
    ):
        connection.request("HEAD", address)
        answer = connection.getresponse()
        assert answer.read() == b""
        connection.request("GET", "/healthz")
        assert connection.getresponse().read() == b'{"status":"ok"}'


def test_head_passes_no_guard_that_get_does_not(api: Api) -> None:
    with client_of(api.services) as client:
        assert client.head("/ml/models", headers={"Host": "evil.example"}).status_code == 403
