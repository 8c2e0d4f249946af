"""`pricecast alerts` and `pricecast monitor --report` as they are used."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pricecast_dagster_tests.alerts.receivers import HttpReceiver, http_receiver
from pricecast_dagster_tests.cli.conftest import Pricecast
from pricecast_dagster_tests.shop import Shop


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpReceiver]:
    with http_receiver() as opened:
        monkeypatch.setenv("PRICECAST_ALERT_WEBHOOKS", json.dumps([opened.url]))
        monkeypatch.setenv("PRICECAST_CHECK_SOURCE_DAYS", "10000")
        monkeypatch.setenv("PRICECAST_MINIMUM_HISTORY_DAYS", "365")
        yield opened


def test_what_is_wrong_is_sent_listed_and_sent_again_when_the_receiver_was_down(
    shop: Shop, pricecast: Pricecast, receiver: HttpReceiver
) -> None:
    shop.ruin("SKU0002")
    pricecast("refresh", ends_with=1)
    receiver.status = 500
    failed = pricecast("alerts", "send", ends_with=1)
    assert "pricecast: 1 new" in failed.stdout
    assert "answered 500" in failed.stderr
    assert receiver.url not in failed.output
    listed = pricecast("alerts", "list").stdout
    assert "SKU0002" in listed
    assert "waiting" in listed
    assert "1 alerts, 1 messages not delivered." in listed
    receiver.status = 200
    assert "0 messages delivered" in pricecast("alerts", "send").stdout  # not yet due again
    assert "1 messages delivered" in pricecast("alerts", "send", "--again").stdout
    assert [message["title"] for message in receiver.got] == ["pricecast: 1 new"]


def test_receivers_can_be_tried_and_a_missing_one_is_said(
    shop: Shop, pricecast: Pricecast, receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "delivered" in pricecast("alerts", "test").stdout
    told = pricecast("doctor").stdout
    assert "pricecast alerts test" in told
    assert receiver.url not in told
    receiver.status = 404
    assert "answered 404" in pricecast("alerts", "test", ends_with=1).stderr
    monkeypatch.setenv("PRICECAST_ALERT_WEBHOOKS", "[]")
    assert "No receiver is set" in pricecast("alerts", "test").stdout


def test_a_pass_of_the_monitor_is_written_as_one_html_file(shop: Shop, pricecast: Pricecast, receiver: HttpReceiver) -> None:
    pricecast("refresh")
    pricecast("monitor", "--report", "pass.html")
    report = Path("pass.html").read_text()
    assert report.startswith("<!doctype html>")
    assert "Served forecasts against what happened" in report
