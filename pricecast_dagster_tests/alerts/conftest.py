"""A shop, and receivers that are told of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from pricecast_dagster.operations import alerting
from pricecast_dagster.operations.alerting import Passed
from pricecast_dagster.settings import load_settings
from pricecast_dagster_tests.alerts.receivers import HttpReceiver, http_receiver
from pricecast_dagster_tests.databases import database_url  # noqa: F401 - a fixture
from pricecast_dagster_tests.shop import Shop, open_shop


@dataclass
class Told:
    """A shop whose alerts go to a receiver."""

    shop: Shop
    receiver: HttpReceiver

    def look(self) -> Passed:
        return alerting.run(self.shop.context())

    def wait(self, **time: float) -> None:
        self.shop.clock.now += timedelta(**time)

    def settings(self, **changed: object) -> None:
        kept = self.shop.settings.model_dump(include=self.shop.settings.model_fields_set)
        self.shop.settings = load_settings(**{**kept, **changed})

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.receiver.got]


@pytest.fixture
def told(tmp_path: Path, database_url: str) -> Iterator[Told]:  # noqa: F811
    with http_receiver() as receiver:
        shop = open_shop(
            tmp_path,
            products=3,
            days=70,
            database_url=database_url,
            alert_webhooks=[receiver.url],
            minimum_history_days=365,  # simple methods answer: nothing is trained here
        )
        yield Told(shop, receiver)
