"""Stored forecasts: the current one, the past ones, and the view that services read."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import text

from pricecast_dagster.errors import UnknownVersionError
from pricecast_dagster.storage import forecasts, products
from pricecast_dagster.storage.database import Database
from pricecast_dagster.storage.forecasts import StoredForecast

NOW = datetime(2026, 3, 4, tzinfo=UTC)
ORIGIN = date(2026, 3, 3)


def made(sku: str, version: str = "c1", *, origin: date = ORIGIN, days: int = 3, when: datetime = NOW) -> StoredForecast:
    price = tuple(10 + 0.1 * step for step in range(days))
    return StoredForecast(
        sku=sku,
        version=version,
        origin=origin,
        price=price,
        lower_80=tuple(value - 1 for value in price),
        upper_80=tuple(value + 1 for value in price),
        lower_95=tuple(value - 2 for value in price),
        upper_95=tuple(value + 2 for value in price),
        model_used="LightGBM_v20260304T000000Z",
        model_version="20260304T000000Z",
        history_version="h1",
        code_version="1",
        made_at=when,
        facts={"coverage": {"80": 0.81, "95": 0.94}},
    )


@pytest.fixture
def stocked(database: Database) -> Database:
    with database.write() as connection:
        products.upsert(connection, [(sku, f"Product {sku}", "Care") for sku in ("A-1", "A-2", "A-3")], NOW)
    return database


def test_a_forecast_comes_back_to_the_last_bit(stocked: Database) -> None:
    with stocked.write() as connection:
        forecasts.store(connection, [made("A-1"), made("A-2", days=60)])
    with stocked.read() as connection:
        assert forecasts.current(connection, "A-1") == made("A-1")
        assert forecasts.currents(connection, ["A-1", "A-2", "A-3"]) == {"A-1": made("A-1"), "A-2": made("A-2", days=60)}
    assert made("A-1").dates == (date(2026, 3, 4), date(2026, 3, 5), date(2026, 3, 6))


def test_numbers_of_numpy_can_be_stored(stocked: Database) -> None:
    prices = np.array([1.5, 2.5, 3.5])
    with stocked.write() as connection:
        forecasts.store(connection, [replace(made("A-1"), price=tuple(prices))])
        assert forecasts.current(connection, "A-1").price == (1.5, 2.5, 3.5)


def test_the_new_forecast_is_current_and_the_old_one_stays(stocked: Database) -> None:
    newer = made("A-1", "c2", origin=ORIGIN + timedelta(days=1))
    with stocked.write() as connection:
        forecasts.store(connection, [made("A-1"), made("A-2")])
        forecasts.store(connection, [newer])
        past = replace(made("A-1"), current=False)
        assert forecasts.currents(connection, ["A-1", "A-2"]) == {"A-1": newer, "A-2": made("A-2")}
        assert forecasts.of_sku(connection, "A-1") == [newer, past]
        assert forecasts.of_sku(connection, "A-1", limit=1) == [newer]
        assert forecasts.of_sku(connection, "A-1", origin=ORIGIN) == [past]
        assert list(forecasts.since(connection, ORIGIN)) == [past, newer, made("A-2")]
        assert list(forecasts.since(connection, newer.origin, ["A-1", "A-2"])) == [newer]


def test_without_a_forecast_the_way_to_one_is_told(stocked: Database) -> None:
    with (
        stocked.read() as connection,
        pytest.raises(UnknownVersionError, match=r"'A-1' has no forecast.*pricecast forecast --sku A-1"),
    ):
        forecasts.current(connection, "A-1")


def test_all_current_forecasts_of_active_products_are_streamed(stocked: Database) -> None:
    with stocked.write() as connection:
        forecasts.store(connection, [made("A-2"), made("A-3"), made("A-1")])
        products.remove(connection, ["A-3"], NOW)
    with stocked.read() as connection:
        assert list(forecasts.stream(connection, rows_at_once=2)) == [made("A-1"), made("A-2")]


def test_who_has_no_model_is_named_with_the_method_that_answers(stocked: Database) -> None:
    with stocked.write() as connection:
        forecasts.store(connection, [made("A-1"), replace(made("A-2"), model_used="mean of 28 days", model_version=None)])
        assert forecasts.without_model(connection) == {"A-2": "mean of 28 days"}


def test_old_forecasts_are_forgotten_but_for_the_current_ones(stocked: Database) -> None:
    with stocked.write() as connection:
        forecasts.store(connection, [made("A-1"), made("A-2")])
        forecasts.store(connection, [made("A-1", "c2", when=NOW + timedelta(days=9))])
        assert forecasts.prune(connection, NOW + timedelta(days=1)) == 1
        assert [one.version for one in forecasts.since(connection, ORIGIN)] == ["c2", "c1"]
        assert connection.scalar(text("SELECT count(*) FROM forecast_day")) == 6


def test_services_read_one_row_a_day_from_a_view(stocked: Database) -> None:
    with stocked.write() as connection:
        forecasts.store(connection, [made("A-1"), made("A-2")])
        forecasts.store(connection, [made("A-1", "c2")])
        query = "SELECT sku, name, category, horizon, price, model_used, version FROM current_forecast ORDER BY sku, horizon"
        rows = connection.execute(text(query)).all()
    assert len(rows) == 6
    assert tuple(rows[0]) == ("A-1", "Product A-1", "Care", 1, 10.0, "LightGBM_v20260304T000000Z", "c2")


def test_storing_nothing_does_nothing(stocked: Database) -> None:
    with stocked.write() as connection:
        forecasts.store(connection, [])
        assert list(forecasts.stream(connection)) == []
