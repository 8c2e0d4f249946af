"""A real daemon, a real receiver: what fails is told once, what is repaired too, over an outage and a restart."""

import json
from pathlib import Path

import pytest

from pricecast_dagster.orchestration.launch import running
from pricecast_dagster.storage import letters
from pricecast_dagster_tests.alerts.receivers import HttpReceiver, free_port, http_receiver
from pricecast_dagster_tests.e2e.conftest import Watched
from pricecast_dagster_tests.shop import Shop, open_shop

pytestmark = pytest.mark.e2e


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return open_shop(tmp_path, products=3, days=70, sensor_seconds=1, minimum_history_days=365)


def test_a_failing_product_is_one_message_and_its_repair_another_over_outage_and_restart(shop: Shop) -> None:
    port = free_port()
    told = {"PRICECAST_ALERT_WEBHOOKS": json.dumps([HttpReceiver(port).url]), "PRICECAST_CHECK_SOURCE_DAYS": "10000"}
    with running(shop.settings, environment=told) as dagster:
        watched = Watched(shop, dagster)
        watched.wait("no first forecasts", lambda: len(watched.counts()["forecast"]) == 3)
        sound = shop.rows.copy()
        shop.ruin("SKU0002")
        # Nobody listens: the message is stored and waits.
        watched.wait("no failure", lambda: bool(dagster.client.partition_status("feature_table").failed))
        dagster.wait_until(lambda: _waiting(shop) == 1, "no message waits", 60)
    with http_receiver(port) as receiver, running(shop.settings, environment=told) as dagster:
        watched = Watched(shop, dagster)
        dagster.wait_until(lambda: bool(receiver.got), "the message does not arrive", 120)
        assert receiver.got[0]["counts"] == {"new": 1, "graver": 0, "lasting": 0, "resolved": 0, "present": 1}
        assert receiver.got[0]["new"][0]["subject"] == "failed:SKU0002"
        shop.rows = sound
        shop.append_day(["SKU0002"])
        dagster.wait_until(lambda: len(receiver.got) > 1, "the repair is not told", 120)
        watched.wait_for_looks()
        assert [message["title"] for message in receiver.got] == ["pricecast: 1 new", "pricecast: 1 resolved"]


def _waiting(shop: Shop) -> int:
    with shop.context().database.read() as connection:
        return len(letters.undelivered(connection))
