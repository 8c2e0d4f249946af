"""The portfolio in service, as JSON, as a page, as gauges and as a report: what the records say, and before there are any."""

import re
from collections.abc import Iterator

import pytest

from pricecast_dagster.operations import alerting
from pricecast_dagster.operations.monitoring import monitor
from pricecast_dagster.storage import monitor_results, products, requests, served_scores
from pricecast_dagster.storage.monitor_results import MonitorResult
from pricecast_dagster_tests.api.conftest import Api, client_of, make_api
from pricecast_dagster_tests.databases import KINDS

ADDRESSES = ("/monitoring", "/monitoring/report", "/ml/monitoring", "/ml/monitoring/SKU0001")


NAME = "<script>alert(1)</script>"


@pytest.fixture(scope="module", params=KINDS)
def looked_at(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A day more was served and came, the monitor has looked, and two products do not do well; the tests only look."""
    shop, services = make_api(request.param, tmp_path_factory.mktemp("looked-at"))
    for sku in ("SKU0001", "SKU0002"):
        last = float(shop.rows[shop.rows["sku"] == sku]["price"].iloc[-1])
        shop.append_day([sku], price=round(1.02 * last, 2))
    shop.refresh()
    context = shop.context()
    monitor(context)
    with context.database.write() as connection:
        products.upsert(connection, [(NAME, NAME, NAME)], context.clock())
        found = [
            MonitorResult(sku, "drift", told, {"share": 0.7}, context.clock(), shop.clock.now.date())
            for sku, told in ((NAME, NAME), ("SKU0002", "it <b>moved</b>"))
        ]
        monitor_results.record(connection, found)
        requests.create(connection, "SKU0002", "by hand", context.clock())
    alerting.run(context)
    with client_of(services) as client:
        yield Api(shop, services, client)
    services.context.database.close()
    context.database.close()


def test_before_the_first_pass_everything_answers_and_says_that_nothing_was_looked_at(api: Api) -> None:
    for address in ADDRESSES:
        answer = api.client.get(address)
        assert answer.status_code == 200, answer.text
    assert api.client.get("/ml/monitoring").json()["last_pass"] is None
    assert "has not looked yet" in api.client.get("/monitoring").text
    assert "pricecast_drifting_products 0.0" in api.client.get("/metrics").text


def test_the_json_tells_what_is_on_record(looked_at: Api) -> None:
    told = looked_at.client.get("/ml/monitoring").json()
    assert told["last_pass"]["counts"]["products"] == 4
    assert told["drifting"] == 2
    assert [(one["sku"], one["verdict"]) for one in told["findings"]] == [(NAME, NAME), ("SKU0002", "it <b>moved</b>")]
    assert [(one["sku"], one["reason"], one["status"]) for one in told["requests"]] == [("SKU0002", "by hand", "open")]
    assert told["request_counts"]["open"] == 1
    assert [one["subject"] for one in told["alerts"]] == [f"monitor:drift:{NAME}", "monitor:drift:SKU0002"]

    product = looked_at.client.get("/ml/monitoring/SKU0001").json()
    with looked_at.services.context.database.read() as connection:
        scores = served_scores.of_sku(connection, "SKU0001")
    assert [one["mae"] for one in product["scores"]] == [score.mae for score in scores]
    assert {one["window_days"] for one in product["scores"]} == {7, 28, 90}
    assert product["findings"] == []
    assert looked_at.client.get("/ml/monitoring/SKU0002").json()["findings"][0]["measures"] == {"share": 0.7}


def test_an_unknown_product_is_a_404(api: Api) -> None:
    answer = api.client.get("/ml/monitoring/nobody")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_page_shows_findings_requests_and_accuracy_in_the_readers_numbers(looked_at: Api) -> None:
    page = looked_at.client.get("/monitoring", headers={"Accept-Language": "pt-BR"}).text
    assert "it &lt;b&gt;moved&lt;/b&gt;" in page
    assert "by hand" in page
    ratio = looked_at.client.get("/ml/monitoring").json()["last_pass"]["portfolio"]["served"]["28"]["mae_over_last_price"]
    assert f"{ratio:.3f}".replace(".", ",") in page
    assert re.search(r"<dt>Drifting</dt><dd><b>2</b>", looked_at.client.get("/").text)
    for address in re.findall(r'(?:src|href)="([^"]*)"', page):
        assert address.startswith(("/", "#")), address


def test_the_page_of_a_product_shows_how_it_did_in_service(looked_at: Api) -> None:
    page = looked_at.client.get("/products/SKU0001").text
    score = looked_at.client.get("/ml/monitoring/SKU0001").json()["scores"][0]
    assert "Accuracy in service" in page
    assert f"{score['mae']:,.2f}" in page
    assert "it &lt;b&gt;moved&lt;/b&gt;" in looked_at.client.get("/products/SKU0002").text


def test_the_report_is_one_small_file_that_loads_nothing_and_lets_no_name_become_markup(looked_at: Api) -> None:
    report = looked_at.client.get("/monitoring/report").text
    assert "SKU0002" in report
    assert "<script" not in report
    assert not re.findall(r"(?:src|href|url)\s*[=(]", report)
    assert len(report) < 100_000


def test_the_gauges_tell_accuracy_coverage_and_what_waits(looked_at: Api) -> None:
    metrics = looked_at.client.get("/metrics").text
    served = looked_at.client.get("/ml/monitoring").json()["last_pass"]["portfolio"]["served"]["28"]
    assert f'pricecast_served_coverage{{level="80",window_days="28"}} {served["coverage_80"]}' in metrics
    assert f'pricecast_served_error_ratio{{window_days="28"}} {served["mae_over_last_price"]}' in metrics
    assert "pricecast_drifting_products 2.0" in metrics
    assert 'pricecast_retrain_requests{status="open"} 1.0' in metrics
    assert 'pricecast_alerts{severity="warning"} 2.0' in metrics
    assert 'pricecast_alert_messages{status="dead"} 0.0' in metrics
