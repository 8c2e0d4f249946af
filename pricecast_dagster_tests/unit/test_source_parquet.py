"""Parquet: the types files come in, and what is wrong with some of them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pricecast_dagster_tests.sources import history_rows, read

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
