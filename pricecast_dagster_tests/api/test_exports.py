"""All forecasts at once, in two forms that say the same as one call for each."""

import csv
from io import BytesIO, StringIO

import pyarrow.parquet as pq
import pytest

from pricecast_dagster.schemas import BACKTEST_COLUMNS
from pricecast_dagster_tests.api.conftest import Api


def test_csv_and_parquet_hold_every_forecast_of_every_product(api: Api) -> None:
    text = api.client.get("/ml/forecasts.csv")
    rows = list(csv.DictReader(StringIO(text.text)))
    assert list(rows[0]) == list(BACKTEST_COLUMNS)
    assert "attachment" in text.headers["content-disposition"]
    frame = pq.read_table(BytesIO(api.client.get("/ml/forecasts.parquet").content)).to_pylist()
    assert [str(row["date"]) for row in frame] == [row["date"] for row in rows]
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
