"""Any small, dirty source is cleaned as the oracle cleans it, line by line."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pricecast_dagster.schemas import history_schema
from pricecast_dagster.sources.absurd import absurd_prices
from pricecast_dagster.sources.reasons import Reason
from pricecast_dagster_tests.oracles.cleaning import Line, absurd_by_definition, clean_line_by_line
from pricecast_dagster_tests.sources import TODAY, assert_every_line_is_accounted_for, history_rows, read, read_files

FACTOR = 20.0
HEADERS = {
    "prices": "sku,date,price,modified_at",
    "sales": "sku,date,quantity,modified_at",
    "history": "sku,date,price,quantity,modified_at",
    "till": "sku,date,price,quantity,modified_at,invoice",
}
# Few values of each, so that they meet: duplicates, conflicts and sales on days with a price must be common.
SKUS = st.sampled_from([*"AAAAAABB", "00C", "Z", ""])
DATES = st.sampled_from(
    [*(date(2026, 1, day) for day in (1, 1, 1, 1, 2, 2, 3, 3, 4)), TODAY, date(2026, 6, 2), date(1900, 1, 1), None]
)
PRICES = st.sampled_from([*map(Decimal, ("1", "1", "1", "1.5", "2", "2.5", "1.25", "700", "0.01", "0", "-2")), None])
QUANTITIES = st.sampled_from([*map(Decimal, ("1", "1", "1", "2", "3.5", "0", "-1")), None])
MODIFIED = st.sampled_from([None, None, datetime(2026, 1, 5, 10), datetime(2026, 1, 6, 9, 30)])


@st.composite
def dirty_sources(draw: st.DrawFn) -> tuple[list[Line], set[str] | None]:
    """Lines of up to four files, in the order of their names, and the SKUs of a product list."""
    lines = []
    for kind in ("history", "prices", "sales", "till"):
        for _ in range(draw(st.integers(0, 16))):
            line = {
                "kind": kind,
                "sku": draw(SKUS),
                "date": draw(DATES),
                "price": draw(PRICES),
                "quantity": draw(QUANTITIES),
                "modified": draw(MODIFIED),
                "invoice": draw(st.integers(1, 2)),
            }
            line["text"] = ",".join(_field(line, name) for name in HEADERS[kind].split(","))
            lines.append(line)
    return lines, draw(st.sampled_from([None, {"A", "B", "00C"}]))


def _field(line: Line, name: str) -> str:
    value = line[{"modified_at": "modified"}.get(name, name)]
    return "" if value is None else str(value)


def files_of(lines: list[Line], known: set[str] | None) -> dict[str, str]:
    files = {
        f"{kind}.csv": "\n".join([header, *(line["text"] for line in lines if line["kind"] == kind)])
        for kind, header in HEADERS.items()
    }
    if known is not None:
        files["products.csv"] = "\n".join(["sku,name", *(f"{sku},name of {sku}" for sku in sorted(known))])
    return files


@settings(max_examples=60)
@given(dirty_sources())
def test_a_dirty_source_is_cleaned_as_the_oracle_does(source):
    lines, known = source
    with TemporaryDirectory() as folder:
        data = read_files(Path(folder), files_of(lines, known), absurd_factor=FACTOR)
    history, reasons = clean_line_by_line(lines, known, TODAY, FACTOR)

    assert {(sku, day): (price, quantity) for sku, day, price, quantity in history_rows(data)} == {
        (sku, day.isoformat()): amounts for (sku, day), amounts in history.items()
    }
    told = {(row["file"], row["line"]): row["reason"] for row in data.rejected.to_dict("records")}
    numbers = dict.fromkeys(HEADERS, 1)
    for line, reason in zip(lines, reasons, strict=True):
        numbers[line["kind"]] += 1
        place = (f"{line['kind']}.csv", numbers[line["kind"]])
        assert told.pop(place, "taken") == (Reason[reason.upper()] if reason != "taken" else "taken"), line
    assert not told
    assert_every_line_is_accounted_for(data)
    history_schema().validate(data.history)


AMOUNTS = st.sampled_from([1.0, 1.0, 1.0, 1.0, 3.0, 19.0, 21.0, 0.04, 400.0])


@given(st.lists(st.tuples(st.sampled_from("AB"), AMOUNTS), max_size=40))
def test_prices_are_absurd_where_the_oracle_finds_them_so(prices):
    skus = np.array(["AB".index(sku) for sku, _ in prices], dtype=np.int64)
    found = absurd_prices(skus, np.array([price for _, price in prices]), FACTOR)
    assert found.tolist() == absurd_by_definition(prices, FACTOR)


@settings(max_examples=20)
@given(dirty_sources(), st.sampled_from(["A", "B", "00C"]))
def test_a_sku_read_alone_has_the_rows_it_has_among_others(source, sku):
    lines, known = source
    with TemporaryDirectory() as folder:
        everything = read_files(Path(folder), files_of(lines, known))
        alone = read(folder, skus=[sku])
    assert history_rows(alone) == [row for row in history_rows(everything) if row[0] == sku]
    mine = everything.rejected[everything.rejected["sku"] == sku].reset_index(drop=True)
    assert alone.rejected.to_dict("records") == mine.to_dict("records")
    assert_every_line_is_accounted_for(alone)
