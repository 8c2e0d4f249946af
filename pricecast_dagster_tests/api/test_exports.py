"""All forecasts at once, in two forms that say the same as one call for each."""

import csv
from io import BytesIO, StringIO
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pricecast_dagster.api.services import serving
from pricecast_dagster.schemas import BACKTEST_COLUMNS
from pricecast_dagster.settings import load_settings
from pricecast_dagster.stages.context import open_context
from pricecast_dagster_tests.api.conftest import Api, client_of


def test_csv_and_parquet_hold_every_forecast_of_every_product(api: Api) -> None:
    text = api.client.get("/ml/forecasts.csv")
    rows = list(csv.DictReader(StringIO(text.text)))
    assert list(rows[0]) == list(BACKTEST_COLUMNS)
    assert "attachment" in text.headers["content-disposition"]
    frame = pq.read_table(BytesIO(api.client.get("/ml/forecasts.parquet").content)).to_pylist()
    assert [{name: str(value) for name, value in row.items()} for row in frame] == rows
    skus = sorted({row["sku"] for row in rows})
    assert skus == ["SKU0001", "SKU0002", "SKU0004", "açúcar 1/2 kg"]
    for sku in skus:
        alone = api.client.post("/ml/predict", json={"skus": [sku]}).json()["forecasts"][0]
        assert [float(row["price"]) for row in rows if row["sku"] == sku] == alone["prices"]
        assert [row["upper_95"] for row in frame if row["sku"] == sku] == pytest.approx(alone["upper_95"])


def test_a_parquet_of_many_parts_is_whole(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pricecast_dagster.api.routes.exporting.PRODUCTS_AT_ONCE", 1)
    table = pq.ParquetFile(BytesIO(api.client.get("/ml/forecasts.parquet").content))
    assert table.metadata.num_rows == 4 * 14
    assert table.metadata.num_row_groups >= 4
    assert len(api.client.get("/ml/forecasts.csv").text.splitlines()) == 1 + 4 * 14


def test_without_any_forecast_there_is_a_table_without_rows(tmp_path: Path) -> None:
    context = open_context(load_settings(home=str(tmp_path), source=str(tmp_path)))
    with client_of(serving(context)) as client:
        assert client.get("/ml/forecasts.csv").text == ",".join(BACKTEST_COLUMNS) + "\n"
        table = pq.read_table(BytesIO(client.get("/ml/forecasts.parquet").content))
    assert (table.column_names, table.num_rows) == (list(BACKTEST_COLUMNS), 0)
    context.database.close()
