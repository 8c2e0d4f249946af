import pytest

from pricecast_dagster.errors import MissingColumnsError
from pricecast_dagster.sources.columns import Kind, Layout, completed, kind_by_name, lay_out


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("prices.csv", Kind.PRICES),
        ("PRICES_2026.csv.gz", Kind.PRICES),
        ("sales/part-0.parquet", Kind.SALES),
        ("sales/prices.csv", Kind.PRICES),
        ("products.csv", Kind.PRODUCTS),
        ("history.csv", None),
        ("old_prices.csv", None),
    ],
)
def test_a_file_is_known_by_the_start_of_its_name_or_of_a_folder(path, kind):
    assert kind_by_name(path, {}) is kind


def test_tables_rename_what_is_looked_for():
    tables = {"prices": "tbl_price", "sales": "tbl_sale"}
    assert kind_by_name("tbl_price_1.csv", tables) is Kind.PRICES
    assert kind_by_name("prices.csv", tables) is None


def test_prices_and_sales_under_one_name_are_rows_of_both():
    assert kind_by_name("till_2026.csv", {"prices": "till", "sales": "till"}) is Kind.HISTORY


def test_the_longer_of_two_names_that_fit_wins():
    assert kind_by_name("item_sales.csv", {"products": "item", "sales": "item_sales"}) is Kind.SALES


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["sku", "date", "price", "quantity"], Kind.HISTORY),
        ([" SKU ", "Date", "Price"], Kind.PRICES),
        (["quantity", "date", "sku"], Kind.SALES),
        (["sku", "name"], Kind.PRODUCTS),
        (["sku", "date", "revenue", "quantity"], Kind.HISTORY),
    ],
)
def test_a_file_of_any_other_name_is_known_by_its_columns(names, kind):
    layout = lay_out("File x.csv", names, None, {})
    assert layout is not None
    assert layout.kind is kind


@pytest.mark.parametrize("names", [["a", "b"], ["sku", "date"], ["sku"], ["date", "price"], []])
def test_columns_that_tell_nothing_are_left_alone(names):
    assert lay_out("File x.csv", names, None, {}) is None


def test_a_mapping_finds_their_names_and_still_ours_where_theirs_are_not():
    mapping = {"sku": "StockCode", "products.sku": "id"}
    assert lay_out("File a.csv", ["StockCode", "date", "price"], Kind.PRICES, mapping).columns["sku"] == 0
    assert lay_out("File b.csv", ["name", "id", "StockCode"], Kind.PRODUCTS, mapping).columns["sku"] == 1
    assert lay_out("File c.csv", ["date", "sku", "price"], Kind.PRICES, mapping).columns["sku"] == 1


def test_a_named_file_without_its_columns_names_both_sides():
    with pytest.raises(MissingColumnsError, match=r"File prices\.csv has no column Preis; it has sku, date, prise\."):
        lay_out("File prices.csv", ["sku", "date", "prise"], Kind.PRICES, {"price": "Preis"})


def test_revenue_stands_in_for_a_price():
    assert lay_out("File prices.csv", ["sku", "date", "revenue", "quantity"], Kind.PRICES, {}).kind is Kind.HISTORY


def test_sales_that_have_prices_serve_as_both_where_there_are_no_prices():
    both = Layout(Kind.SALES, {"sku": 0, "date": 1, "quantity": 2, "price": 3})
    prices = Layout(Kind.PRICES, {"sku": 0, "date": 1, "price": 2})
    assert [layout.kind for layout in completed([both])] == [Kind.HISTORY]
    assert [layout.kind for layout in completed([both, prices])] == [Kind.SALES, Kind.PRICES]
