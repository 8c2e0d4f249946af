"""Real, dirty data: nothing raises, and every line is accounted for. Figures were judged by looking at the rejected lines."""

import gzip
from pathlib import Path

import pandas as pd
import pytest

from pricecast_dagster.schemas import history_schema
from pricecast_dagster.sources.fingerprint import history_versions
from pricecast_dagster.sources.reasons import Reason
from pricecast_dagster_tests.sources import assert_every_line_is_accounted_for, read

DATA = Path(__file__).parents[2].parent / "shared" / "data"
DIRTY = "online_retail/dirty_2011-11-01_to_14.csv"
MAPPING = {"sku": "StockCode", "date": "InvoiceDate", "price": "UnitPrice", "quantity": "Quantity", "name": "Description"}


def real(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the real data are not beside this checkout: no {name} in ../shared/data")
    return path


def test_a_real_history_is_taken_whole():
    data = read(real("online_retail/history.csv.gz"))
    assert data.counts == {"lines": 65_683, "taken": 65_683}
    assert data.history["sku"].nunique() == 275
    history_schema().validate(data.history)


def test_two_weeks_of_invoices_are_accounted_for_line_by_line():
    path = real(DIRTY)
    data = read(path, columns=MAPPING)
    assert_every_line_is_accounted_for(data, 36_149)
    rejected = data.rejected["reason"].value_counts().to_dict()
    assert rejected == {
        Reason.EXACT_DUPLICATE: 541,
        Reason.RETURNED_GOODS: 529,  # 52 more returns have a price of zero, and are told so
        Reason.PRICE_ZERO: 103,
        Reason.PRICE_ABSURD: 4,  # postage and "manual", which are no products
    }
    raw = path.read_text().split("\n")
    assert all(raw[line - 1] == row for line, row in zip(data.rejected["line"], data.rejected["row"], strict=True))
    assert not data.products["name"].isin(["check", "damaged", "?"]).any()
    history_schema().validate(data.history)


def test_the_invoices_of_a_day_add_up_to_what_pandas_finds():
    path = real(DIRTY)
    data = read(path, columns=MAPPING)
    lines = pd.read_csv(path, dtype={"StockCode": str}, parse_dates=["InvoiceDate"]).drop_duplicates()
    bad = set(data.rejected.loc[data.rejected["reason"] == Reason.PRICE_ABSURD, "line"] - 2)
    lines = lines[(lines["Quantity"] > 0) & (lines["UnitPrice"] > 0) & ~lines.index.isin(bad)]
    lines = lines.assign(revenue=lines["Quantity"] * lines["UnitPrice"], date=lines["InvoiceDate"].dt.normalize())
    days = lines.groupby(["StockCode", "date"])[["revenue", "Quantity"]].sum().reset_index()
    pd.testing.assert_series_equal(data.history["quantity"], days["Quantity"].astype(float), check_names=False)
    expected = days["revenue"] / days["Quantity"]
    pd.testing.assert_series_equal(data.history["price"], expected, check_names=False, atol=1e-6, rtol=0)


def test_the_same_invoices_in_any_order_encoding_and_compression_have_the_same_versions(tmp_path):
    path = real(DIRTY)
    header, *lines = path.read_text().rstrip("\n").split("\n")
    other = "\n".join([header, *sorted(lines, reverse=True)])
    (tmp_path / "till.csv.gz").write_bytes(gzip.compress(other.encode("utf-16"), compresslevel=1))
    assert history_versions(read(tmp_path, columns=MAPPING).history) == history_versions(read(path, columns=MAPPING).history)


def test_till_lines_with_amounts_are_accounted_for():
    columns = {"sku": "product_id", "date": "transaction_timestamp", "revenue": "sales_value"}
    data = read(real("complete_journey/transactions_sample.csv.gz"), columns=columns)
    assert_every_line_is_accounted_for(data, 75_000)
    assert data.counts["taken"] == 74_468
    # Lines of nothing for nothing, coupons for the whole price, and three prices of cents or dozens among ordinary ones.
    assert data.rejected["reason"].value_counts().to_dict() == {
        Reason.NOTHING_SOLD: 416,
        Reason.PRICE_ZERO: 113,
        Reason.PRICE_ABSURD: 3,
    }


def test_a_sparse_real_history_loses_one_price_of_cents():
    data = read(real("complete_journey/history.csv.gz"))
    assert_every_line_is_accounted_for(data, 6_484)
    assert data.rejected["row"].tolist() == ["1005186,2017-12-01,0.08,1.0"]
