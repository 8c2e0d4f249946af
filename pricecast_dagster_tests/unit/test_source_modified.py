"""Which of two rows was modified last."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pricecast_dagster.sources.modified import NEVER, parse_instants
from pricecast_dagster_tests.sources import history_rows, read, read_files

HOUR = 3600 * 10**9
NOON = 1_772_625_600 * 10**9  # 2026-03-04 12:00 UTC


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-04T12:00:00Z", NOON),
        ("2026-03-04 12:00", NOON),
        ("2026-03-04 12:00:00 UTC", NOON),
        ("2026-03-04T09:00:00-03:00", NOON),
        ("2026-03-04T09:00-0300", NOON),
        ("2026-03-04 17:30+05:30", NOON),
        ("2026-03-04 14:00:00+02", NOON),
        ("04/03/2026 12:00 PM", NOON),
        ("2026-03-04", NOON - 12 * HOUR),
        ("2026-03-04T12:00:00.9Z", NOON + 900_000_000),
        ("2026-03-04T12:00:00,1234567-00:00", NOON + 123_456_700),
        ("20260304", NOON - 12 * HOUR),
        ("1772625600", NOON),
        ("1772625600.25", NOON + 250_000_000),
        ("1772625600001", NOON + 1_000_000),
        ("1772625600000001", NOON + 1_000),
        ("1772625600000000001", NOON + 1),
        ("1772625600000.5", NOON + 500_000),
        ("9999-12-31", 9_200_000_000 * 10**9),
        ("", NEVER),
        ("yesterday", NEVER),
        ("12345", NEVER),
        ("99999999999999999999", NEVER),
    ],
)
def test_a_time_is_one_instant_however_it_is_written(text, instant):
    assert parse_instants(pa.array([text]), day_first=True).tolist() == [instant]


@pytest.mark.parametrize(
    ("later", "earlier"),
    [
        ("2026-01-05T09:00:00-03:00", "2026-01-05T10:00:00Z"),
        ("2026-01-05 10:00:00.900", "2026-01-05 10:00:00.100"),
        ("1767607200", "1767607199"),
        ("1767607200000", "1767607199.5"),
        ("1767607200", ""),
    ],
)
def test_the_later_row_wins_and_stands_first(tmp_path, later, earlier):
    files = {
        "products.csv": f"sku,name,modified_at\nA,late,{later}\nA,early,{earlier}\n",
        "prices.csv": f"sku,date,price,modified_at\nA,2026-01-01,3,{later}\nA,2026-01-01,2,{earlier}\n",
    }
    data = read_files(tmp_path, files)
    assert history_rows(data) == [("A", "2026-01-01", 3.0, None)]
    assert data.products["name"].tolist() == ["late"]
    assert data.notes == ()


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1_767_607_200_900, 1_767_607_200_100]),
        pa.array([1_767_607_200.9, 1_767_607_200.1]),
        pa.array([1_767_607_200_900, 1_767_607_200_100]).cast(pa.timestamp("ms", tz="America/Sao_Paulo")),
        pa.array([1_767_607_200_000_000_001, 1_767_607_200_000_000_000]).cast(pa.timestamp("ns")),
        pa.array([1_767_607_200_900, None]).cast(pa.timestamp("ms")),
        pa.array([20459, 20458], pa.int32()).cast(pa.date32()),
    ],
    ids=str,
)
def test_in_parquet_too(tmp_path, column):
    table = pa.table({"sku": ["A", "A"], "date": ["2026-01-01"] * 2, "price": [3.0, 2.0], "modified_at": column})
    pq.write_table(table, tmp_path / "prices.parquet")
    assert history_rows(read(tmp_path)) == [("A", "2026-01-01", 3.0, None)]


def test_what_is_no_time_is_said(tmp_path):
    files = {
        "products.csv": "sku,modified_at\nA,new\n",
        "prices.csv": "sku,date,price,modified_at\nA,2026-01-01,3,v2\nA,2026-01-01,2,v1\nA,2026-01-02,2,\nA,2026-01-03,2,-\n",
    }
    data = read_files(tmp_path, files)
    assert history_rows(data)[0] == ("A", "2026-01-01", 2.0, None)
    assert data.notes[0].startswith("prices.csv: 2 values of column modified_at are no time, such as 'v2';")
    assert data.notes[1].startswith("products.csv: 1 values of column modified_at are no time, such as 'new';")
