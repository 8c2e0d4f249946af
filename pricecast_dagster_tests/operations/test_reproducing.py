"""Any past forecast can be made again, bit for bit, and so can the model behind it."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from pricecast_dagster.errors import UnknownVersionError
from pricecast_dagster.operations.models import delete
from pricecast_dagster.operations.reproducing import reproduce
from pricecast_dagster.stages.context import open_context
from pricecast_dagster.storage import forecasts, requests
from pricecast_dagster_tests.shop import LAST_DAY, Shop, open_shop


@pytest.fixture
def shop(tmp_path: Path, database_url: str) -> Shop:
    """Three products; the first has seen a refit, the second a contest of recipes."""
    shop = open_shop(tmp_path, products=3, days=90, database_url=database_url)
    shop.refresh()
    shop.clock.now += timedelta(days=1)
    shop.append_day(["SKU0001"])
    with shop.context().database.write() as connection:
        requests.create(connection, "SKU0002", "drift", shop.clock(), optimize=True, trials=2)
    shop.refresh()
    return shop


@pytest.mark.parametrize("sku", ["SKU0001", "SKU0002", "SKU0003"])
def test_the_forecast_in_force_and_its_model_are_made_again_bit_for_bit(shop: Shop, sku: str) -> None:
    found = reproduce(shop.context(), sku)
    assert found.forecast.identical and found.forecast.remark is None
    assert found.model is not None and found.model.identical and found.model.remark is None
    assert {"arrays.npz", "metadata.json"} <= set(found.model.what)


def test_a_forecast_of_the_past_is_made_again_from_superseded_rows(shop: Shop) -> None:
    origin = date.fromisoformat(LAST_DAY)
    found = reproduce(shop.context(), "SKU0001", origin)
    assert not found.stored.current and found.stored.origin == origin
    assert found.forecast.identical and found.model is not None and found.model.identical


def test_a_forecast_of_a_simple_method_is_made_again(shop: Shop) -> None:
    delete(shop.context(), "SKU0003", "by hand")
    found = reproduce(shop.context(), "SKU0003")
    assert found.model is None and found.forecast.identical
    assert not found.stored.model_used.startswith("LightGBM")


def test_another_horizon_by_now_does_not_matter(shop: Shop) -> None:
    context = open_context(shop.settings.model_copy(update={"horizon_days": 30}), clock=shop.clock)
    assert reproduce(context, "SKU0001").forecast.identical


def test_a_number_that_was_changed_afterwards_is_found(shop: Shop) -> None:
    context = shop.context()
    with context.database.write() as connection:
        stored = forecasts.current(connection, "SKU0001")
        forecasts.store(connection, [replace(stored, price=(stored.price[0] + 1e-12, *stored.price[1:]))])
    assert reproduce(context, "SKU0001").forecast.differs == ("price",)


def test_a_model_that_was_given_up_is_told(shop: Shop) -> None:
    context = shop.context()
    model_version = reproduce(context, "SKU0001").stored.model_version
    assert model_version is not None
    context.artifacts.delete("SKU0001", model_version)
    found = reproduce(context, "SKU0001")
    assert found.forecast.impossible is not None and model_version in found.forecast.impossible


def test_a_day_without_a_forecast_is_told_with_those_there_are(shop: Shop) -> None:
    with pytest.raises(UnknownVersionError, match=f"2020-01-01.*{LAST_DAY}"):
        reproduce(shop.context(), "SKU0001", date(2020, 1, 1))
