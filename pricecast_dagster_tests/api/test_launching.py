"""Launches that go wrong (see `webserver`); the good ways run against a real Dagster (`e2e`)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from pricecast_dagster.api.launching import BY_API, LAUNCH_SECONDS, REASON
from pricecast_dagster.orchestration.client import DagsterClient
from pricecast_dagster.storage import registry, requests
from pricecast_dagster.storage.requests import RequestStatus
from pricecast_dagster_tests.api.conftest import Api, client_of
from pricecast_dagster_tests.api.webserver import DOWN, MADE_ALL_THE_SAME, NOT_MADE, Webserver, small_webserver


@pytest.fixture
def webserver() -> Iterator[Webserver]:
    with small_webserver() as state:
        yield state


@pytest.fixture
def client(api: Api, webserver: Webserver) -> TestClient:
    return client_of(replace(api.services, dagster=DagsterClient(webserver.url)))


def open_requests(api: Api) -> int:
    with api.services.context.database.read() as connection:
        return len(requests.listed(connection, status=RequestStatus.OPEN))


def test_a_training_is_a_run_with_the_product_and_the_request_id_as_tags(client: TestClient, webserver: Webserver) -> None:
    answer = client.post(
        "/ml/train/SKU0001", params={"optimize": "false", "n_trials": 7}, headers={"X-Request-ID": "asked-by-me"}
    )
    assert answer.status_code == 202
    assert answer.json() == {"sku": "SKU0001", "job_id": "run-0", "status": "queued", "status_url": "/ml/jobs/run-0"}
    assert answer.headers["location"] == "/ml/jobs/run-0"
    tags = {tag["key"]: tag["value"] for tag in webserver.runs[0]["tags"]}
    assert tags["pricecast/sku"] == "SKU0001"
    assert tags["pricecast/http_request"] == "asked-by-me"
    assert webserver.runs[0]["config"]["skus"] == ["SKU0001"]
    assert client.get("/ml/jobs/run-0").json()["status"] == "queued"


def test_a_second_call_answers_with_the_job_under_way(api: Api, client: TestClient, webserver: Webserver) -> None:
    first, second = (client.post("/ml/train/SKU0001").json() for _ in range(2))
    assert first == second
    assert (webserver.launches, open_requests(api)) == (1, 1)
    assert client.post("/ml/train/SKU0002").json()["job_id"] == "run-1"


def test_a_launch_that_answered_500_and_made_the_run_is_found_and_not_repeated(client: TestClient, webserver: Webserver) -> None:
    webserver.troubles = [MADE_ALL_THE_SAME]
    assert client.post("/ml/train/SKU0001").json()["job_id"] == "run-0"
    assert webserver.launches == 1


def test_a_launch_that_made_nothing_is_repeated_once(client: TestClient, webserver: Webserver) -> None:
    webserver.troubles = [NOT_MADE]
    assert client.post("/ml/train/SKU0001").status_code == 202
    assert (webserver.launches, len(webserver.runs)) == (2, 1)


def test_a_dagster_that_only_errs_is_a_503_and_no_request_is_left(api: Api, client: TestClient, webserver: Webserver) -> None:
    webserver.troubles = [DOWN]
    assert client.post("/ml/train/SKU0001").status_code == 503
    assert (webserver.launches, open_requests(api)) == (2, 0)


def test_after_a_run_that_was_killed_a_new_call_asks_again(api: Api, client: TestClient, webserver: Webserver) -> None:
    client.post("/ml/train/SKU0001")
    webserver.runs[0]["status"] = "FAILURE"
    failed = client.get("/ml/jobs/run-0").json()
    assert (failed["status"], failed["result"]["success"]) == ("failed", False)
    assert client.post("/ml/train/SKU0001").json()["job_id"] == "run-1"
    assert open_requests(api) == 1


def test_two_servers_that_are_asked_at_once_launch_one_run(api: Api, webserver: Webserver) -> None:
    services = replace(api.services, dagster=DagsterClient(webserver.url))
    one, other = client_of(services), client_of(services)
    api.shop.clock.step = timedelta(seconds=1)
    webserver.open.clear()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(one.post, "/ml/train/SKU0001")
        webserver.wait(lambda: webserver.launches == 1)
        seen = webserver.looks
        second = pool.submit(other.post, "/ml/train/SKU0001")
        webserver.wait(lambda: webserver.looks > seen + 3)
        webserver.open.set()
        assert first.result().json() == second.result().json()
    assert (webserver.launches, open_requests(api)) == (1, 1)


def test_a_request_that_a_dead_server_left_without_a_run_is_not_waited_for_longer_than_a_launch_takes(
    api: Api, client: TestClient, webserver: Webserver
) -> None:
    with api.services.context.database.write() as connection:
        requests.create(connection, "SKU0001", REASON, api.shop.clock.now, evidence=BY_API)
    api.shop.clock.now += timedelta(seconds=LAUNCH_SECONDS + 1)
    assert client.post("/ml/train/SKU0001").json()["job_id"] == "run-0"
    assert (webserver.launches, open_requests(api)) == (1, 1)


def test_the_job_tells_what_a_finished_run_trained(api: Api, client: TestClient, webserver: Webserver) -> None:
    client.post("/ml/train/SKU0001", params={"optimize": "false"})
    api.shop.refresh(skus=("SKU0001",), source="never")
    webserver.runs[0]["status"] = "SUCCESS"
    found = client.get("/ml/jobs/run-0").json()
    assert found["status"] == "succeeded"
    result = found["result"]
    assert (result["sku"], result["success"]) == ("SKU0001", True)
    assert set(result["metrics"]) == {"rmse", "mae", "mape"}
    assert (result["training_samples"], result["validation_samples"]) == (120, 30)
    with api.services.context.database.read() as connection:
        assert result["features_count"] == len(registry.get(connection, "SKU0001").facts["features"])
    model = client.get("/ml/models/SKU0001").json()
    assert model["version"] == result["version"]
    assert model["reason"] == "retrain request: by hand"
    assert open_requests(api) == 0


def test_waiting_ends_at_its_limit_with_the_job(client: TestClient) -> None:
    answer = client.post("/ml/train/SKU0001", params={"wait": "true", "timeout_s": 0.1})
    assert (answer.status_code, answer.json()["job_id"]) == (202, "run-0")


def test_a_deletion_after_the_asking_wins(api: Api, client: TestClient, webserver: Webserver) -> None:
    client.post("/ml/train/SKU0001")
    assert client.delete("/ml/models/SKU0001").status_code == 204
    api.shop.refresh(skus=("SKU0001",), source="never")
    webserver.runs[0]["status"] = "SUCCESS"
    found = client.get("/ml/models/SKU0001").json()
    assert found["exists"] is False
    assert "deleted over HTTP" in found["reason"]
    result = client.get("/ml/jobs/run-0").json()["result"]
    assert (result["success"], "deleted meanwhile" in result["message"]) == (False, True)


def test_an_unknown_product_or_job_is_a_404_and_launches_nothing(client: TestClient, webserver: Webserver) -> None:
    assert client.post("/ml/train/nobody").status_code == 404
    assert client.get("/ml/jobs/run-9").status_code == 404
    assert webserver.launches == 0


def test_too_many_trainings_under_way_are_refused(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pricecast_dagster.api.launching.MOST_UNDER_WAY", 1)
    assert client.post("/ml/train/SKU0001").status_code == 202
    answer = client.post("/ml/train/SKU0002")
    assert answer.status_code == 429
    assert "Try again later" in answer.json()["remedy"]
