"""A database as a source: the same rules, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from pricecast_dagster.errors import MissingColumnsError, SourceUnavailableError
from pricecast_dagster.settings import load_settings
from pricecast_dagster.sources.fingerprint import cheap_fingerprint
from pricecast_dagster.sources.reasons import Reason
from pricecast_dagster_tests.databases import KINDS, shared_postgres
from pricecast_dagster_tests.postgres import PostgresMissingError
from pricecast_dagster_tests.sources import assert_every_line_is_accounted_for, history_rows, read, rejected_rows

SHOP = """
CREATE TABLE products (sku VARCHAR(20) PRIMARY KEY, name VARCHAR(50), category VARCHAR(50));
CREATE TABLE prices (id INTEGER PRIMARY KEY, sku VARCHAR(20), date DATE, price NUMERIC(10, 2), modified_at TIMESTAMP);
CREATE TABLE sales (sku VARCHAR(20), date DATE, quantity INTEGER);
INSERT INTO products VALUES ('007', 'Café', 'Bebidas'), ('8', 'Chá', NULL);
INSERT INTO prices VALUES (3, '007', '2026-01-02', 0.00, NULL), (1, '007', '2026-01-01', 2.50, '2026-01-05 10:00:00'),
    (2, '007', '2026-01-01', 2.40, '2026-01-05 09:00:00'), (4, ' 8 ', '2026-01-02', 3.10, NULL), (5, '9', '2026-01-02', 1, NULL),
    (6, NULL, '2026-01-02', 1, NULL), (7, '8', NULL, 1, NULL), (8, '8', '2026-01-03', NULL, NULL);
INSERT INTO sales VALUES ('007', '2026-01-01', 4), ('007', '2026-01-02', 1), ('8', '2026-01-02', -1);
"""


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        (tmp_path / "shop.db").touch()
        return f"sqlite:///{tmp_path / 'shop.db'}"
    try:
        return shared_postgres()()
    except PostgresMissingError as error:
        pytest.skip(f"no PostgreSQL to test with: {error}")


@pytest.fixture
def run(url: str) -> Iterator["Run"]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    yield Run(engine)
    engine.dispose()


class Run:
    """Runs statements in a transaction of their own."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    def __call__(self, script: str) -> None:
        with self.engine.begin() as connection:
            for statement in filter(str.strip, script.split(";")):
                connection.exec_driver_sql(statement)


def test_tables_are_read_with_the_same_rules_as_files(url, run):
    run(SHOP)
    data = read(url)
    assert history_rows(data) == [("007", "2026-01-01", 2.5, 4.0), ("8", "2026-01-02", 3.1, None)]
    assert data.products.to_numpy().tolist() == [["007", "Café", "Bebidas"], ["8", "Chá", ""]]
    assert_every_line_is_accounted_for(data, 13)
    assert [(row["file"], row["line"], row["reason"]) for row in data.rejected.to_dict("records")] == [
        ("prices", 2, Reason.CONFLICTING_DUPLICATE),
        ("prices", 3, Reason.PRICE_ZERO),
        ("prices", 5, Reason.UNKNOWN_SKU),
        ("prices", 6, Reason.EMPTY_SKU),
        ("prices", 7, Reason.UNPARSABLE_DATE),
        ("prices", 8, Reason.UNPARSABLE_NUMBER),
        ("sales", 2, Reason.SALE_WITHOUT_PRICE),
        ("sales", 3, Reason.RETURNED_GOODS),
    ]
    assert rejected_rows(data)[2][1].startswith("5,9,2026-01-02,1")


def test_tables_and_columns_may_have_other_names_and_be_one(url, run):
    run('CREATE TABLE till (item INTEGER, "when" TIMESTAMP, unit_price FLOAT, pieces INTEGER)')
    run("INSERT INTO till VALUES (7, '2026-01-01 09:00:00', 2, 1), (7, '2026-01-01 10:00:00', 3, 1)")
    data = read(
        url,
        tables={"prices": "till", "sales": "till"},
        columns={"sku": "item", "date": "when", "price": "unit_price", "quantity": "pieces"},
    )
    assert history_rows(data) == [("7", "2026-01-01", 2.5, 2.0)]
    assert data.notes == ("There is no table products: every SKU with a price is a product.",)


def test_a_view_is_a_table(url, run):
    run(SHOP)
    run("CREATE VIEW cheap AS SELECT sku, date, price FROM prices WHERE price < 3")
    data = read(url, tables={"prices": "cheap", "sales": "none"})
    assert [row[0] for row in history_rows(data)] == ["007"]
    assert "There is no table none: no quantity is known." in data.notes


def test_dates_and_prices_may_be_texts(url, run):
    run("CREATE TABLE prices (sku VARCHAR(9), date VARCHAR(20), price VARCHAR(20))")
    run("INSERT INTO prices VALUES ('A', '25/01/2026', '1.234,50'), ('A', '03/02/2026', 'free')")
    data = read(url)
    assert history_rows(data) == [("A", "2026-01-25", 1234.5, None)]
    assert [reason for _, _, reason in rejected_rows(data)] == [Reason.UNPARSABLE_NUMBER]


def test_the_fingerprint_moves_with_rows_and_with_modified_at_and_with_nothing_else(url, run):
    run(SHOP)
    settings = load_settings(source=url)
    before = cheap_fingerprint(settings)
    assert cheap_fingerprint(settings) == before == read(url).fingerprint
    run("UPDATE prices SET price = 2.60, modified_at = '2026-02-01 00:00:00' WHERE id = 1")
    changed = cheap_fingerprint(settings)
    run("DELETE FROM sales WHERE quantity = -1")
    assert len({before, changed, cheap_fingerprint(settings)}) == 3


def test_a_database_without_the_tables_or_columns_names_what_it_has(url, run):
    run("CREATE TABLE preise (id INTEGER)")
    with pytest.raises(SourceUnavailableError, match=r"no table prices; it has preise\. Name the tables in PRICECAST_TABLES"):
        read(url)
    with pytest.raises(MissingColumnsError, match=r"Table preise has no column date, price, sku; it has id\."):
        read(url, tables={"prices": "preise"})


def test_a_password_is_not_told():
    with pytest.raises(SourceUnavailableError) as raised:
        read("postgresql://shop:sesame@127.0.0.1:1/shop")
    assert "sesame" not in str(raised.value)


def test_a_sqlite_column_may_hold_anything(tmp_path):
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'shop.db'}", poolclass=sa.NullPool)
    Run(engine)("CREATE TABLE prices (sku, date DATE, price NUMERIC)")
    Run(engine)("INSERT INTO prices VALUES (7, '2026-01-01', 2), ('B', 'never', 2.5), (7.0, '2026-01-02', x'ff')")
    data = read(f"sqlite:///{tmp_path / 'shop.db'}")
    assert history_rows(data) == [("7", "2026-01-01", 2.0, None)]
    assert_every_line_is_accounted_for(data, 3)
