"""Delimited text: from the content of a CSV file to a sheet whose every record knows its line.

Belongs here: finding records and fields, separators, the header, the fast path. Not here: bytes and encodings
(`encodings`), lines whose quotes are out of order (`quoting`), what the fields mean (`parsing`).

The fast path never loops over rows. Line feeds, separators and quotes are found as arrays of byte positions; where the
quotes are in order their parity says which of the others lie inside a field; records with the right number of fields go
to Arrow in one piece. A million rows of four columns take about half a second.
"""

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.sources.quoting import quoted_records, split_alone
from pricecast_dagster.sources.sheet import Malformed, Sheet

if TYPE_CHECKING:
    import pyarrow as pa

SEPARATORS: Final = (",", ";", "\t", "|")
_LINE_FEED: Final = 10
_QUOTE: Final = 34

Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a file.

    Attributes:
        names: of the columns, trimmed, in order.
        separator: of the fields.
        start: byte at which the records begin.
        line: 1-based number of the line at `start`.
    """

    names: tuple[str, ...]
    separator: str
    start: int
    line: int


def read_header(content: bytes, separator: str, known: Iterable[str]) -> Header | None:
    """The header: the first line that is not blank; a line `sep=;` before it, as Excel writes, names the separator.

    Args:
        content: UTF-8 with plain line ends.
        separator: `auto` takes the candidate that finds the most known names, then the one that finds most columns.
        known: names that may be expected, in any case.

    Returns:
        None where there is no line that is not blank.
    """
    start, line = 0, 1
    while start < len(content):
        end = content.find(b"\n", start)
        end = len(content) if end < 0 else end
        text = content[start:end].decode(errors="replace")
        if separator == "auto" and text[:4].lower() == "sep=" and len(text.strip()) == 5:
            separator = text.strip()[4]
        elif text.strip():
            chosen = _best_separator(text, known) if separator == "auto" else separator
            return Header(_split(text, chosen), chosen, end + 1, line + 1)
        start, line = end + 1, line + 1
    return None


def read_records(content: bytes, header: Header, file: str) -> Sheet:
    """Every record after the header; those that do not fit it are told apart as malformed. Blank lines are no records."""
    structure = _structure(content, header)
    if structure is None:
        return _read_slowly(content, header, file)
    starts, ends, fields = structure
    fits = fields == len(header.names)
    bad = np.flatnonzero(~fits)
    lines = _line_numbers(content, starts, header)
    table = _to_arrow(content, starts, ends, fits, header)
    if table is None or table.num_rows != int(fits.sum()):
        return _read_slowly(content, header, file)
    kept_starts, kept_ends = starts[fits], ends[fits]
    rescued, malformed = _second_look(content, starts[bad], ends[bad], lines[bad], header)
    if rescued:
        # Records with empty fields to spare, such as a separator at the end of the line: rare, so sorted in afterwards.
        positions = bad[[index for index, _ in rescued]]
        table = _with_rows(table, [fields for _, fields in rescued])
        order = np.argsort(np.concatenate([np.flatnonzero(fits), positions]), kind="stable")
        table = table.take(order)
        kept_starts = np.concatenate([kept_starts, starts[positions]])[order]
        kept_ends = np.concatenate([kept_ends, ends[positions]])[order]
    return Sheet(
        file=file,
        table=table,
        lines=_line_numbers(content, kept_starts, header),
        row_text=_slices(content, kept_starts, kept_ends),
        malformed=malformed,
        separator=header.separator,
    )


def _best_separator(line: str, known: Iterable[str]) -> str:
    wanted = {name.strip().casefold() for name in known}

    def worth(separator: str) -> tuple[int, int]:
        names = _split(line, separator)
        return sum(name.casefold() in wanted for name in names), len(names)

    return max(SEPARATORS, key=worth)  # the first of equals


def _split(line: str, separator: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in next(csv.reader([line], delimiter=separator), []))


def _structure(content: bytes, header: Header) -> tuple[Positions, Positions, Positions] | None:
    """Start, end and number of fields of every record that is not blank; None where the quotes are out of order."""
    data = np.frombuffer(content, dtype=np.uint8)[header.start :]
    breaks = np.flatnonzero(data == _LINE_FEED)
    separators = np.flatnonzero(data == ord(header.separator))
    quotes = np.flatnonzero(data == _QUOTE)
    if len(quotes):
        if not _quotes_in_order(data, quotes, ord(header.separator)):
            return None
        breaks = breaks[np.searchsorted(quotes, breaks) % 2 == 0]
        separators = separators[np.searchsorted(quotes, separators) % 2 == 0]
    starts = np.concatenate([[0], breaks + 1])
    ends = np.concatenate([breaks, [len(data)]])
    fields = np.searchsorted(separators, ends) - np.searchsorted(separators, starts) + 1
    blank = ends == starts
    single = np.flatnonzero(~blank & (fields == 1))
    blank[single] = ~_any_visible(data, starts[single], ends[single])
    return starts[~blank] + header.start, ends[~blank] + header.start, fields[~blank]


def _any_visible(data: NDArray[np.uint8], starts: Positions, ends: Positions) -> NDArray[np.bool_]:
    """Whether a span holds more than spaces; spans are not empty and lie in order."""
    edges = np.column_stack([starts, ends]).ravel()
    if len(edges) and edges[-1] == len(data):
        edges = edges[:-1]
    return np.asarray(np.maximum.reduceat(data, edges)[::2] > ord(" ")) if len(edges) else np.zeros(0, dtype=np.bool_)


def _quotes_in_order(data: NDArray[np.uint8], quotes: Positions, separator: int) -> bool:
    """Whether every quote opens at the start of a field, closes at the end of one, or is doubled inside one."""
    if len(quotes) % 2:
        return False
    opening, closing = quotes[0::2], quotes[1::2]
    before = np.where(opening == 0, _LINE_FEED, data[opening - 1])
    after = np.where(closing == len(data) - 1, _LINE_FEED, data[np.minimum(closing + 1, len(data) - 1)])
    reopens = np.concatenate([[False], opening[1:] == closing[:-1] + 1])
    reopened = np.concatenate([reopens[1:], [False]])
    opens_well = (before == _LINE_FEED) | (before == separator) | reopens
    closes_well = (after == _LINE_FEED) | (after == separator) | reopened
    return bool(opens_well.all() and closes_well.all())


def _to_arrow(content: bytes, starts: Positions, ends: Positions, fits: NDArray[np.bool_], header: Header) -> "pa.Table | None":
    """The records that fit, every field a text; None where Arrow sees the file otherwise than we do."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    names = [str(position) for position in range(len(header.names))]
    schema = {name: pa.string() for name in names}
    if not fits.any():
        return _named(pa.table({name: pa.array([], pa.string()) for name in names}), header)
    if fits.all():
        clean = content[header.start :]
    else:
        # Runs of neighbours that fit are copied whole: as many slices as there are malformed records, not as rows.
        edges = np.flatnonzero(np.diff(np.concatenate([[False], fits, [False]]).astype(np.int8)))
        runs = zip(starts[edges[0::2]], ends[edges[1::2] - 1], strict=True)
        clean = b"\n".join(content[start:end] for start, end in runs)
    try:
        table = arrow_csv.read_csv(
            io.BytesIO(clean),
            read_options=arrow_csv.ReadOptions(column_names=names, use_threads=False, block_size=1 << 24),
            parse_options=arrow_csv.ParseOptions(delimiter=header.separator, newlines_in_values=b'"' in clean),
            convert_options=arrow_csv.ConvertOptions(column_types=schema, strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None
    return _named(table, header)


def _named(table: "pa.Table", header: Header) -> "pa.Table":
    return table.rename_columns(list(header.names))


def _with_rows(table: "pa.Table", rows: list[list[str]]) -> "pa.Table":
    import pyarrow as pa

    more = pa.table([pa.array(column, pa.string()) for column in zip(*rows, strict=True)], names=table.column_names)
    return pa.concat_tables([table, more])


def _second_look(
    content: bytes, starts: Positions, ends: Positions, lines: Positions, header: Header
) -> tuple[list[tuple[int, list[str]]], tuple[Malformed, ...]]:
    """Of the records that do not fit: those with only empty fields to spare, by position, and the malformed ones."""
    rescued: list[tuple[int, list[str]]] = []
    malformed = []
    for position, (start, end, line) in enumerate(zip(starts, ends, lines, strict=True)):
        text = content[start:end].decode(errors="replace")
        fields = split_alone(text, header.separator, len(header.names))
        if fields is None:
            malformed.append(Malformed(int(line), text))
        else:
            rescued.append((position, fields))
    return rescued, tuple(malformed)


def _line_numbers(content: bytes, starts: Positions, header: Header) -> Positions:
    breaks = np.flatnonzero(np.frombuffer(content, dtype=np.uint8)[header.start :] == _LINE_FEED) + header.start
    return np.searchsorted(breaks, starts) + header.line


def _slices(content: bytes, starts: Positions, ends: Positions) -> Callable[[int], str]:
    def row_text(position: int) -> str:
        return content[starts[position] : ends[position]].decode(errors="replace")

    return row_text


def _read_slowly(content: bytes, header: Header, file: str) -> Sheet:
    """Record by record, for files whose quotes are out of order."""
    import pyarrow as pa

    lines, texts, rows, malformed = quoted_records(content, header.separator, len(header.names), header.start, header.line)
    columns = zip(*rows, strict=True) if rows else [() for _ in header.names]
    return Sheet(
        file=file,
        table=pa.table([pa.array(column, pa.string()) for column in columns], names=list(header.names)),
        lines=np.array(lines, dtype=np.int64),
        row_text=texts.__getitem__,
        malformed=tuple(malformed),
        separator=header.separator,
    )
