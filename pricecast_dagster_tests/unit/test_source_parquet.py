"""Parquet: the types files come in, and what is wrong with some of them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pricecast_dagster.errors import UnreadableFileError
from pricecast_dagster_tests.sources import assert_every_line_is_accounted_for, history_rows, read

DATES = ["03/25/2025", "04/05/2025", "12/31/2024", "01/02/2025"]
PRICES = ["1,250", "1,310", "0,990", "1,275"]
TAKEN = [
    ("A", "2024-12-31", 0.99, None),
    ("A", "2025-01-02", 1.275, None),
    ("A", "2025-03-25", 1.25, None),
    ("A", "2025-04-05", 1.31, None),
]


def write(folder: Path, columns: dict[str, object], name: str = "prices.parquet") -> Path:
    pq.write_table(pa.table(columns), folder / name)
    return folder


def as_bytes(texts: list[str]) -> list[bytes]:
    return [text.encode() for text in texts]


@pytest.mark.parametrize(
    "packed",
    [
        pa.array,
        lambda texts: pa.array(texts, pa.large_string()),
        lambda texts: pa.array(texts).dictionary_encode(),
        lambda texts: pa.array(as_bytes(texts), pa.binary()),
        lambda texts: pa.array(as_bytes(texts), pa.large_binary()),
        lambda texts: pa.array(as_bytes(texts), pa.binary()).dictionary_encode(),
    ],
    ids=["string", "large_string", "category", "binary", "large_binary", "category of bytes"],
)
def test_texts_are_read_by_one_rule_whatever_they_are_packed_in(tmp_path, packed):
    data = read(write(tmp_path, {"sku": packed(["A"] * 4), "date": packed(DATES), "price": packed(PRICES)}))
    assert history_rows(data) == TAKEN
    assert data.rejected.empty


def test_categories_of_numbers_and_days_are_numbers_and_days(tmp_path):
    columns = {
        "sku": pa.array([7, 7, None]).dictionary_encode(),
        "date": pa.array([20454, 20455, 20455], pa.int32()).cast(pa.date32()).dictionary_encode(),
        "price": pa.array([2.5, None, 3.0]).dictionary_encode(),
    }
    data = read(write(tmp_path, columns))
    assert history_rows(data) == [("7", "2026-01-01", 2.5, None)]
    assert data.rejected["reason"].tolist() == ["unparsable number", "empty SKU"]
    assert data.rejected["row"].tolist() == ["7,2026-01-02,", ",2026-01-02,3.0"]


def test_bytes_that_are_not_utf_8_are_read_as_a_csv_file_of_them_would_be(tmp_path):
    skus = ["maçã".encode("latin-1"), "pão".encode("latin-1")]
    data = read(write(tmp_path, {"sku": skus, "date": ["2026-01-01"] * 2, "price": [b"1,5", b"free"]}))
    assert history_rows(data) == [("maçã", "2026-01-01", 1.5, None)]
    assert data.rejected["row"].tolist() == ["pão,2026-01-01,free"]


def test_damaged_bytes_are_noted_with_their_column(tmp_path):
    whole = ("maçã pão café açúcar feijão limão " * 2).strip().encode()
    data = read(write(tmp_path, {"sku": [whole, b"A\xff"], "date": ["2026-01-01"] * 2, "price": [1.5, 2.0]}))
    assert [row[0] for row in history_rows(data)] == ["A\ufffd", whole.decode()]
    assert data.notes == ("prices.parquet: 1 characters in column sku are not utf-8 and were replaced.",)


@pytest.mark.parametrize(
    ("kind", "good", "bad", "text"),
    [
        (pa.date32(), 20454, 6678000, "20253-09-29"),
        (pa.timestamp("us"), 20454 * 86_400 * 10**6, 2**62, "4611686018427387904"),
        (pa.timestamp("s"), 20454 * 86_400, 2**53, "9007199254740992"),
        (pa.timestamp("ms", tz="America/Sao_Paulo"), 20454 * 86_400_000 + 43_200_000, 2**62, "A,"),
    ],
    ids=str,
)
def test_a_day_beyond_the_calendar_costs_its_own_row(tmp_path, kind, good, bad, text):
    whole = pa.int32() if kind == pa.date32() else pa.int64()
    dates = pa.array([good, bad], whole).cast(kind)
    data = read(write(tmp_path, {"sku": ["A", "A"], "date": dates, "price": [2.0, 3.0]}))
    assert history_rows(data) == [("A", "2026-01-01", 2.0, None)]
    assert data.rejected[["line", "reason"]].to_numpy().tolist() == [[2, "day in the future"]]
    assert text in data.rejected["row"][0]
    assert_every_line_is_accounted_for(data, 2)


def test_a_day_beyond_the_calendar_in_a_column_of_no_use_is_no_matter(tmp_path):
    columns = {"sku": ["A", "A"], "date": ["2026-01-01"] * 2, "price": [2.0, 2.0], "quantity": [1, 1], "invoice": ["1", "1"]}
    printed = pa.array([2**62, 2**62]).cast(pa.timestamp("us", tz="Mars/Base"))
    data = read(write(tmp_path, {**columns, "printed": printed}, "history.parquet"))
    assert history_rows(data) == [("A", "2026-01-01", 2.0, 1.0)]
    assert data.rejected["reason"].tolist() == ["exact duplicate (one is kept)"]


def test_a_zone_that_does_not_exist_is_told_with_file_and_column(tmp_path):
    dates = pa.array([0]).cast(pa.timestamp("us", tz="Mars/Base"))
    with pytest.raises(UnreadableFileError, match=r"prices\.parquet: column date has times in the zone 'Mars/Base'.*IANA"):
        read(write(tmp_path, {"sku": ["A"], "date": dates, "price": [2.0]}))


def test_a_nul_in_a_name_does_not_get_into_a_database(tmp_path):
    data = read(write(tmp_path, {"sku": ["A"], "date": ["2026-01-01"], "price": [2.0], "name": ["Te\0a"]}))
    assert data.products["name"].tolist() == ["Te\ufffda"]


def test_of_two_columns_with_one_name_it_is_said_which_is_taken(tmp_path):
    columns = [pa.array(["A", "B"]), pa.array(["2026-01-01"] * 2), pa.array([2.0, -1.0]), pa.array([3.0, 3.0])]
    pq.write_table(pa.table(columns, names=["sku", "date", "price", "price"]), tmp_path / "prices.parquet")
    data = read(tmp_path)
    assert history_rows(data) == [("A", "2026-01-01", 2.0, None)]
    assert data.rejected["row"].tolist() == ["B,2026-01-01,-1.0,3.0"]
    assert data.notes == ("prices.parquet has 2 columns called price; column 3 is taken.",)
