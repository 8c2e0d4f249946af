"""The same history comes back whatever way it was written, with the same versions; and no line of any text is lost."""

import bz2
import csv
import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from pricecast_dagster.errors import SourceError
from pricecast_dagster.sources.delimited import read_header, read_records
from pricecast_dagster.sources.encodings import decoded, looks_like_gbk
from pricecast_dagster.sources.fingerprint import history_versions
from pricecast_dagster_tests.sources import assert_every_line_is_accounted_for, history_rows, read_files

Row = tuple[str, date, int, int | None]
"""SKU, day, price in cents, quantity."""

WESTERN = ("utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be")
CHINESE = ("utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16")
WESTERN_SKUS = ("001", "1", "A-17", "MAÇÃ", "pão de mel", 'x "y"', "a,b;c|d", "Açúcar 5\u00a0kg", "two, lines")
CHINESE_SKUS = ("001", "苹果", "牛奶 500ml", "可乐,罐装", "纸巾")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DATES: dict[str, Callable[[date], str]] = {
    "iso": date.isoformat,
    "compact": lambda day: f"{day:%Y%m%d}",
    "slashes": lambda day: f"{day:%Y/%m/%d}",
    "day first": lambda day: f"{day:%d/%m/%Y}",
    "day first, short": lambda day: f"{day.day}.{day.month}.{day:%y}",
    "month first": lambda day: f"{day.month}/{day.day}/{day.year}",
    "midnight": lambda day: f"{day} 00:00:00",
    "named": lambda day: f"{day:%d}-{MONTHS[day.month - 1]}-{day.year}",
}


@dataclass(frozen=True)
class Style:
    """How a file is written."""

    encoding: str
    separator: str
    decimal: str
    grouped: bool
    currency: str
    dates: str
    line_end: str
    quoting: int
    compress: Callable[[bytes], bytes]

    def amount(self, cents: int) -> str:
        whole, rest = divmod(cents, 100)
        thousands = "." if self.decimal == "," else ","
        return f"{whole:,}".replace(",", thousands if self.grouped else "") + f"{self.decimal}{rest:02d}"

    def write(self, rows: list[Row]) -> bytes:
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=self.separator, lineterminator=self.line_end, quoting=self.quoting)
        writer.writerow(["sku", "date", "price", "quantity"])
        for sku, day, cents, quantity in rows:
            amount = "" if quantity is None else self.amount(100 * quantity).partition(self.decimal)[0]
            writer.writerow([sku, DATES[self.dates](day), self.currency + self.amount(cents), amount])
        return self.compress(text.getvalue().encode(self.encoding))


def styles(encodings: tuple[str, ...]) -> st.SearchStrategy[Style]:
    return st.builds(
        Style,
        encoding=st.sampled_from(encodings),
        separator=st.sampled_from(",;\t|"),
        decimal=st.sampled_from(".,"),
        grouped=st.booleans(),
        currency=st.sampled_from(["", "", "R$ "]),
        dates=st.sampled_from(sorted(DATES)),
        line_end=st.sampled_from(["\n", "\r\n"]),
        quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        compress=st.sampled_from([bytes, bytes, gzip.compress, bz2.compress]),
    )


def histories(skus: tuple[str, ...]) -> st.SearchStrategy[list[Row]]:
    days = st.integers(0, 400).map(lambda n: date(2025, 1, 1) + timedelta(days=n))
    # Under a factor of 20, so that no price is absurd.
    rows = st.tuples(st.sampled_from(skus), days, st.integers(9_000, 170_000), st.none() | st.integers(0, 12_000))
    # The 25th of a month tells which part of a date is the day.
    first = st.just((skus[0], date(2025, 3, 25), 20_000, 1))
    return st.tuples(first, st.lists(rows, max_size=25)).map(lambda parts: [parts[0], *parts[1]]).map(_one_a_day)


def _one_a_day(rows: list[Row]) -> list[Row]:
    return list({(sku, day): (sku, day, cents, quantity) for sku, day, cents, quantity in rows}.values())


WRITTEN = st.one_of(
    *(
        st.tuples(histories(skus), styles(encodings), styles(encodings), st.randoms(use_true_random=False))
        for skus, encodings in ((WESTERN_SKUS, WESTERN), (CHINESE_SKUS, CHINESE))
    )
)


@settings(max_examples=100)
@given(WRITTEN)
def test_a_history_comes_back_however_it_is_written_and_keeps_its_versions(written):
    rows, style, other_style, random = written
    shuffled = random.sample(rows, len(rows))
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        data = read_files(Path(one), {"a.csv": style.write(rows)})
        again = read_files(
            Path(other), {"b.txt": other_style.write([rows[0], *shuffled[:6]]), "c.csv": other_style.write(shuffled)}
        )
    expected = sorted(
        (sku.strip(), day.isoformat(), cents / 100, None if quantity is None else float(quantity))
        for sku, day, cents, quantity in rows
    )
    assert history_rows(data) == expected
    assert data.rejected.empty
    assert history_versions(again.history) == history_versions(data.history)


SCRAPS = st.lists(st.sampled_from(['"', '""', ",", "\n", "a", "b c", " ", "1", "ç"]), max_size=40).map("".join)


@given(SCRAPS)
def test_no_line_of_any_text_is_lost_or_told_twice(scraps):
    content = f"sku,date\n{scraps}".encode()
    header = read_header(content, "auto", ["sku"])
    assert header is not None
    sheet = read_records(content, header, "f.csv")
    taken = [(int(line), sheet.row_text(position)) for position, line in enumerate(sheet.lines)]
    told = sorted([*taken, *((bad.line, bad.text) for bad in sheet.malformed)])
    physical = scraps.split("\n")
    next_line = 2
    for line, text in told:
        # What lies between two records is blank, and a record's text stands where its line says.
        assert not "".join(physical[next_line - 2 : line - 2]).strip(" ")
        assert "\n".join(physical[line - 2 :]).startswith(text)
        next_line = line + text.count("\n") + 1
    assert not "".join(physical[next_line - 2 :]).strip(" ")


FIELDS = st.text(st.sampled_from('ab,;"\n ç1'), max_size=5)


@given(st.lists(st.tuples(FIELDS, FIELDS, FIELDS), max_size=12), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_what_the_csv_module_writes_is_read_as_it_reads_it(rows, quoting):
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n", quoting=quoting).writerows([("sku", "date", "price"), *rows])
    content = text.getvalue().encode()
    header = read_header(content, ",", ["sku"])
    assert header is not None
    sheet = read_records(content, header, "f.csv")
    found = list(zip(*(column.to_pylist() for column in sheet.table.columns), strict=True))
    assert found == [tuple(row) for row in csv.reader(io.StringIO(text.getvalue(), newline=""))][1:]
    assert not sheet.malformed


PORTUGUESE = (
    "maçã", "pão", "café", "açúcar", "feijão", "promoção", "água", "óleo", "à", "é", "três", "nº", "2ª", "relógio", "chá", "mãe",
    "SABÃO", "PROMOÇÃO", "AÇÃO", "MAÇÃS", "CAFÉ", "ÓLEO", "AÇÚCAR", "ÁGUA", "À",
)  # fmt: skip


@given(st.lists(st.sampled_from(PORTUGUESE), min_size=1), st.sampled_from([" ", ";", ",", "\n", "1"]))
def test_portuguese_in_latin_1_is_never_taken_for_chinese(words, separator):
    assert not looks_like_gbk(separator.join(words).encode("latin-1"))


@given(
    st.lists(st.sampled_from(["苹果", "牛奶", "可乐330ml", "纸巾", "A4纸张", "洗发水"]), min_size=1), st.sampled_from(" ;,\n1")
)
def test_chinese_in_gbk_is_always_taken_for_it(words, separator):
    assert looks_like_gbk(separator.join(words).encode("gbk"))


@given(st.binary(max_size=300))
def test_any_bytes_decode_to_some_text(raw):
    decoded(raw, "auto", "f.csv").content.decode()


DAMAGE = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from([b'"', b"\n", b"\r", b"\0", b",", b"\xff", b'""', b"\x1f\x8b", b"9" * 400]))
)
WHOLE = (
    "sku;date;price;quantity\n" + 'MAÇÃ;25/12/2025;R$ 1.234,50;1.000,5\n"a;b";01/02/2026;0,99;3\n001;2026-01-02 10:00;5;\n' * 3
).encode()


@settings(max_examples=50)
@given(DAMAGE, st.sampled_from(["prices.csv", "sales.csv", "history.csv", "products.csv"]))
def test_a_damaged_file_is_accounted_for_or_refused_in_our_words(damage, name):
    raw = bytearray(WHOLE)
    for position, piece in damage:
        raw[position:position] = piece
    with TemporaryDirectory() as folder:
        try:
            data = read_files(Path(folder), {"prices_0.csv": "sku,date,price\nA,2026-01-01,2\n", name: bytes(raw)})
        except SourceError as error:
            assert name in str(error)
        else:
            assert_every_line_is_accounted_for(data)
