"""Products that leave the source, and come back."""

import pytest

from pricecast_dagster.errors import UnknownSkuError
from pricecast_dagster.operations.forecasts import predict
from pricecast_dagster.orchestration.partitions import PARTITIONS_NAME
from pricecast_dagster.storage import forecasts, retention
from pricecast_dagster_tests.orchestration.conftest import Desk
from pricecast_dagster_tests.orchestration.test_sensors import tick


def test_a_product_that_the_command_line_found_gone_is_retired_by_the_sensor_and_its_model_is_kept(desk: Desk) -> None:
    desk.run()
    assert tick(desk, "products_removed") == "No product has left the source."
    desk.shop.drop("SKU0003")
    desk.shop.refresh(source="always")
    told = str(tick(desk, "products_removed"))
    assert told.startswith("1 product left the source (SKU0003): partitions retired, forecasts not served, models kept until")
    assert set(desk.instance.get_dynamic_partitions(PARTITIONS_NAME)) == {"SKU0001", "SKU0002", "SKU0004"}
    assert tick(desk, "products_removed") == "1 product left the source before; their partitions are gone already."
    assert tick(desk, "out_of_date") == "Every product is up to date."
    context = desk.shop.context()
    with pytest.raises(UnknownSkuError):
        predict(context, "SKU0003", 14)
    with context.database.read() as connection:
        assert [stored.sku for stored in forecasts.stream(connection)] == ["SKU0001", "SKU0002", "SKU0004"]
        assert retention.kept(connection, ["SKU0003"])


def test_a_product_that_returns_is_computed_anew_and_served_again(desk: Desk) -> None:
    whole = desk.shop.rows.copy()
    desk.run()
    desk.shop.drop("SKU0003")
    desk.shop.refresh(source="always")
    tick(desk, "products_removed")
    desk.shop.rows = whole
    desk.shop.save()
    assert desk.run().success
    assert "SKU0003" in desk.instance.get_dynamic_partitions(PARTITIONS_NAME)
    assert desk.counts()["forecast"]["SKU0003"] == 2
    assert len(predict(desk.shop.context(), "SKU0003", 14).prices) == 14
