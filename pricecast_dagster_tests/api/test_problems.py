"""Errors as problem documents, and what the log says of them."""

import json

import pandas as pd
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
        ("GET", "/ml/explain/SKU0004", 404, "No model answers"),
        ("POST", "/ml/models/SKU0001/rollback?to=20251016T193000Z", 422, "query.to"),
        ("POST", "/ml/train/SKU0001?trials=5", 422, "it takes optimize, n_trials, wait, timeout_s"),
        ("DELETE", "/ml/models/SKU0001?version=20251016T193000Z", 422, "query.version"),
    ],
)
def test_wrong_input_is_told_by_name(api: Api, method: str, path: str, status: int, word: str) -> None:
    answer = api.client.request(method, path, headers={"X-Request-ID": "mine-1"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()
    assert found["status"] == status
    assert word in found["detail"]
    assert found["remedy"]
    assert found["instance"] == answer.headers["x-request-id"] == "mine-1"


def test_a_body_that_is_not_utf_8_is_refused_with_what_to_do(api: Api) -> None:
    answer = api.client.post("/ml/predict", content=b'{"skus": ["\xff"]}', headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["detail"] == "The body of the request cannot be read."
    assert "UTF-8" in answer.json()["remedy"]


def test_a_parameter_that_a_changing_call_does_not_have_changes_nothing(api: Api) -> None:
    before = api.client.get("/ml/models/SKU0001").json()
    for method, path in (("DELETE", "/ml/models/SKU0001"), ("POST", "/ml/models/SKU0001/rollback")):
        refused = api.client.request(method, path, params={"to": "20251016T193000Z"})
        assert refused.status_code == 422
        assert [fault["where"] for fault in refused.json()["errors"]] == ["query.to"]
    assert "goes into the body" in refused.json()["detail"]
    assert api.client.get("/ml/models/SKU0001").json() == before
    assert api.client.get("/ml/models/SKU0001?to=anything").status_code == 200


def test_a_product_without_a_usable_row_says_so(api: Api) -> None:
    shop = api.shop
    names = shop.rows[["sku"]].drop_duplicates().assign(name="", category="")
    names.loc[len(names)] = ["WORTHLESS", "", ""]
    names.to_csv(shop.file.with_name("products.csv"), index=False)
    worthless = shop.rows[shop.rows["sku"] == "SKU0001"].assign(sku="WORTHLESS", price=0.0)
    shop.rows = pd.concat([shop.rows, worthless], ignore_index=True)
    shop.save()
    shop.refresh()
    found = api.client.get("/ml/models/WORTHLESS").json()
    assert found["exists"] is False
    assert "'WORTHLESS' has no usable row in the source" in found["reason"]
    assert "too short" not in found["reason"]


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
