"""Errors as problem documents, and what the log says of them."""

import json

import pytest

from pricecast_dagster.api.access_log import AccessLog
from pricecast_dagster.api.observability import JsonLines
from pricecast_dagster_tests.api.conftest import Api, client_of


@pytest.mark.parametrize(
    ("method", "path", "status", "word"),
    [
        ("GET", "/ml/predict/nobody", 404, "nobody"),
        ("GET", "/ml/predict/SKU0001?days_ahead=0", 422, "days_ahead"),
        ("GET", "/ml/predict/SKU0001?days_ahead=61", 422, "days_ahead"),
        ("GET", "/ml/predict/SKU0001?days_ahead=x", 422, "days_ahead"),
        ("GET", "/ml/models?limit=0", 422, "limit"),
        ("POST", "/ml/train/SKU0001?n_trials=0", 422, "n_trials"),
        ("POST", "/ml/predict", 422, "body"),
        ("GET", "/ml/jobs/../etc", 404, "address"),
        ("GET", "/ml/nothing", 404, "address"),
        ("PUT", "/ml/models", 405, "PUT"),
    ],
)
def test_wrong_input_is_told_by_name(api: Api, method: str, path: str, status: int, word: str) -> None:
    answer = api.client.request(method, path, headers={"X-Request-ID": "mine-1"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()
    assert found["status"] == status
    assert word in found["detail"]
    assert found["instance"] == answer.headers["x-request-id"] == "mine-1"


def test_an_unforeseen_error_is_a_500_without_its_words_and_a_traceback_in_the_log(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret words")

    monkeypatch.setattr("pricecast_dagster.operations.forecasts.history", broken)
    answer = api.client.get("/ml/history/SKU0001")
    assert answer.status_code == 500
    assert "secret words" not in answer.text
    record = next(record for record in caplog.records if record.exc_info)
    line = json.loads(JsonLines().format(record))
    assert line["request_id"] == answer.json()["instance"]
    assert "ZeroDivisionError" in line["traceback"]


def test_every_request_is_one_line_without_query_or_token(api: Api) -> None:
    written: list[str] = []
    client = client_of(api.services, access=AccessLog(written.append))
    client.get("/ml/predict/SKU0001?days_ahead=3&token=secret", headers={"Authorization": "Bearer secret"})
    lines = [json.loads(line) for line in written]
    assert len(lines) == 1
    assert lines[0]["route"] == "/ml/predict/{sku}"
    assert lines[0]["status"] == 200
    assert "secret" not in json.dumps(lines)


def test_a_request_id_that_could_do_harm_is_replaced(api: Api) -> None:
    answer = api.client.get("/healthz", headers={"X-Request-ID": "a b;c" * 40})
    assert len(answer.headers["x-request-id"]) == 16


def test_metrics_count_by_route_and_tell_of_the_portfolio(api: Api) -> None:
    for sku in ("SKU0001", "SKU0002", "nobody"):
        api.client.get(f"/ml/predict/{sku}")
    text = api.client.get("/metrics").text
    assert 'pricecast_http_request_seconds_count{method="GET",route="/ml/predict/{sku}",status="200"} 2.0' in text
    assert 'pricecast_http_request_seconds_count{method="GET",route="/ml/predict/{sku}",status="404"} 1.0' in text
    assert "pricecast_fallback_share 0.25" in text
    assert 'pricecast_products{state="all"} 4.0' in text
    assert 'pricecast_products{state="fresh"} 4.0' in text
    assert 'pricecast_coverage{level="80"}' in text
    assert 'pricecast_predictions_total{by="model"} 2.0' in text
    assert "nobody" not in text


def test_ready_tells_database_store_and_dagster_apart(api: Api) -> None:
    found = api.client.get("/readyz")
    assert found.status_code == 200
    assert (found.json()["database"], found.json()["store"]) == ("ok", "ok")
    assert "does not answer" in found.json()["dagster"]
