"""Finding, recognising and refusing files."""

import gzip
from pathlib import Path

import fsspec
import pandas as pd
import pytest

from pricecast_dagster.errors import MissingColumnsError, SettingsError, SourceUnavailableError, UnreadableFileError
from pricecast_dagster_tests.sources import history_rows, read, read_files, write_files

PRICES = "sku,date,price\nA,2026-01-01,2\n"


def parquet(path: Path, frame: pd.DataFrame) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(path, index=False)


def test_a_single_file_is_a_source(tmp_path):
    write_files(tmp_path, {"prices.csv": PRICES})
    assert len(read(tmp_path / "prices.csv").history) == 1
    assert len(read((tmp_path / "prices.csv").as_uri()).history) == 1


def test_a_url_of_any_file_system_is_a_source():
    filesystem = fsspec.filesystem("memory")
    filesystem.pipe_file("/shop/prices.csv", PRICES.encode())
    filesystem.pipe_file("/shop/sales.csv", b"sku,date,quantity\nA,2026-01-01,3\n")
    assert history_rows(read("memory://shop")) == [("A", "2026-01-01", 2.0, 3.0)]


def test_subfolders_are_read_and_hidden_names_are_not(tmp_path):
    data = read_files(
        tmp_path,
        {
            "prices/2026/01.csv": PRICES,
            "prices/2026/02.csv": "sku,date,price\nA,2026-02-01,3\n",
            ".prices.csv.part": "rubbish",
            "_old/prices.csv": "sku,date,price\nA,2026-03-01,3\n",
        },
    )
    assert [row[1] for row in history_rows(data)] == ["2026-01-01", "2026-02-01"]
    assert data.notes == ()


def test_parquet_with_types_of_its_own_is_understood(tmp_path):
    prices = pd.DataFrame(
        {
            "sku": pd.array([17, 18, None], dtype="Int64"),
            "date": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-02"]).tz_localize("America/Sao_Paulo"),
            "price": ["2,50", "3,10", "1"],
        }
    )
    sales = pd.DataFrame({"sku": [17.0, None], "date": [20260101, 20260102], "quantity": pd.Categorical([3, 4])})
    parquet(tmp_path / "prices.parquet", prices)
    parquet(tmp_path / "sales.parquet", sales)
    data = read(tmp_path)
    assert history_rows(data) == [("17", "2026-01-01", 2.5, 3.0), ("18", "2026-01-02", 3.1, None)]
    assert data.rejected[["line", "sku", "reason"]].to_numpy().tolist() == [[3, "", "empty SKU"], [2, "", "empty SKU"]]
    assert data.rejected["row"].str.startswith((",2026-01-02", ",20260102")).all()


def test_other_files_are_ignored_and_it_is_said_why(tmp_path):
    data = read_files(tmp_path, {"prices.csv": PRICES, "README.md": "x", "notes.csv": "a,b\n1,2\n", "empty.csv": "\n"})
    assert len(data.history) == 1
    assert data.notes == (
        "README.md: ignored, neither CSV nor Parquet by name.",
        "empty.csv is ignored: it is empty.",
        "notes.csv is ignored: neither its name nor its columns tell products, prices or sales.",
    )


def test_sales_that_hold_prices_serve_as_both_and_it_is_said(tmp_path):
    data = read_files(tmp_path, {"sales_2026.csv": "sku,date,quantity,price\nA,2026-01-01,3,2\n"})
    assert history_rows(data) == [("A", "2026-01-01", 2.0, 3.0)]
    assert "serves as prices and sales" in data.notes[0]


@pytest.mark.parametrize(
    ("files", "settings", "error", "message"),
    [
        ({}, {}, SourceUnavailableError, "not there, or has no files"),
        ({"a.pdf": "x"}, {}, SourceUnavailableError, r"no CSV or Parquet file\. a\.pdf: ignored"),
        ({"sales.csv": "sku,date,quantity\nA,2026-01-01,3\n"}, {}, SourceUnavailableError, "has no prices"),
        (
            {"prices.csv": "sku,day,price\n"},
            {},
            MissingColumnsError,
            r"File prices\.csv has no column date; it has sku, day, price",
        ),
        (
            {"x.csv": "StockCode,Day\n"},
            {"columns": {"sku": "StockCode"}},
            MissingColumnsError,
            "no column date, price; it has StockCode",
        ),
        (
            {"prices.csv": "", "sales.csv": ""},
            {},
            SourceUnavailableError,
            r"has no prices: prices\.csv is empty\. Write the file",
        ),
        ({"prices.csv": b"\xef\xbb\xbf"}, {}, SourceUnavailableError, r"prices\.csv is empty"),
        (
            {"prices_1.csv": " \n\n", "prices_2.csv": "", "notes.csv": "a,b\n"},
            {},
            SourceUnavailableError,
            r"prices_1\.csv, prices_2",
        ),
        ({"x.csv": "", "notes.csv": "a,b\n"}, {}, MissingColumnsError, r"File notes\.csv"),
        ({"x.csv": "\n"}, {}, SourceUnavailableError, r"has no prices: x\.csv is empty"),
        ({"prices.parquet": "no parquet"}, {}, UnreadableFileError, "is not Parquet"),
        ({"prices.parquet": "PAR1 cut off"}, {}, UnreadableFileError, r"prices\.parquet is Parquet, and cut off or damaged"),
        ({"prices.csv.gz": gzip.compress(PRICES.encode())[:-9]}, {}, UnreadableFileError, "cut off or damaged"),
        ({"prices.csv": PRICES}, {"separator": "::"}, SettingsError, "PRICECAST_SEPARATOR"),
        ({"prices.csv": PRICES}, {"columns": {"skuu": "x"}}, SettingsError, "names 'skuu'; our columns are sku, name"),
        ({"prices.csv": PRICES}, {"columns": {"shop.sku": "x"}}, SettingsError, "names 'shop.sku'"),
    ],
)
def test_a_source_that_cannot_be_used_says_what_and_where(tmp_path, files, settings, error, message):
    with pytest.raises(error, match=message):
        read_files(tmp_path, files, **settings)


@pytest.mark.parametrize("source", ["", "  "])
def test_an_empty_source_is_a_wrong_setting_and_not_the_working_directory(source):
    with pytest.raises(SettingsError, match=r"PRICECAST_SOURCE: .*is empty; name a folder"):
        read(source)


@pytest.mark.parametrize(
    "source", ["/nowhere/at/all", "nosuchscheme://host/path", "s3://bucket/shop", "sqlite:////nowhere/shop.db"]
)
def test_a_source_that_is_not_there_says_so(source):
    with pytest.raises(SourceUnavailableError, match=source.split(":")[0]):
        read(source)


@pytest.mark.parametrize(
    ("settings", "day"),
    [
        ({}, "2026-04-03"),
        ({"country": "US"}, "2026-03-04"),
        ({"day_first": "no"}, "2026-03-04"),
        ({"day_first": "yes"}, "2026-04-03"),
    ],
)
def test_where_no_row_tells_the_order_of_day_and_month_the_country_does(tmp_path, settings, day):
    data = read_files(tmp_path, {"prices.csv": "sku,date,price\nA,03/04/2026,2\n"}, **settings)
    assert history_rows(data)[0][1] == day


def test_formats_that_are_set_are_not_guessed(tmp_path):
    data = read_files(
        tmp_path, {"prices.csv": "sku|date|price\nA|2026-01-01|1.234\nB|2026-01-01|1.50\n"}, separator="pipe", decimal=","
    )
    assert history_rows(data) == [("A", "2026-01-01", 1234.0, None)]
    assert data.rejected["row"].tolist() == ["B|2026-01-01|1.50"]


def test_damaged_characters_are_noted(tmp_path):
    name = "maçã pão café açúcar feijão limão " * 4
    data = read_files(tmp_path, {"prices.csv": f"sku,date,price,name\nA,2026-01-01,2,{name}".encode() + b"\xff\n"})
    assert data.notes == ("prices.csv: 1 characters are not utf-8 and were replaced.",)


def test_of_many_other_files_some_are_named(tmp_path):
    data = read_files(tmp_path, {"prices.csv": PRICES, **{f"{n}.pdf": "x" for n in range(8)}})
    assert data.notes == ("0.pdf, 1.pdf, 2.pdf, 3.pdf, 4.pdf and 3 more: ignored, neither CSV nor Parquet by name.",)


def test_a_file_that_is_nothing_but_a_header_is_said(tmp_path):
    data = read_files(tmp_path, {"prices.csv": "sku,date,price\n", "sales.csv": "sku,date,quantity\n"})
    assert data.history.empty
    assert data.notes == ("prices.csv has no rows.", "sales.csv has no rows.")


def test_of_two_columns_with_one_name_it_is_said_which_is_taken(tmp_path):
    data = read_files(tmp_path, {"prices.csv": "sku,Price,date,price,price,old,old\nA,1,2026-01-01,2,3,4,5\n"})
    assert history_rows(data) == [("A", "2026-01-01", 2.0, None)]
    assert data.notes == ("prices.csv has 3 columns called price; column 4 is taken.",)


def test_an_empty_product_list_is_none_and_it_is_said(tmp_path):
    data = read_files(tmp_path, {"prices.csv": PRICES, "products.csv": "sku,name\n"})
    assert data.products["sku"].tolist() == ["A"]
    assert data.notes == ("The product list is empty: every SKU with a price is a product.",)


def test_a_product_list_that_knows_hardly_any_sku_is_pointed_at(tmp_path):
    prices = "sku,date,price\n001,2026-01-01,2\n002,2026-01-01,2\n003,2026-01-01,2\n"
    data = read_files(tmp_path, {"prices.csv": prices, "products.csv": "sku,name\n1,Tea\n"})
    assert data.history.empty
    assert data.notes[0].startswith("3 of 4 lines are of SKUs that the product list does not have")
