"""Modified: when the source last touched each row, on one clock, to the nanosecond.

Belongs here: reading `modified_at`, whose one use is to be compared. Not here: the days of prices and sales, which are those
that are written and know no zone (`dates`), and comparing (`days`).

Understood: every date and time of `dates`, with fractions and zones, and the epochs of programs: seconds, milliseconds,
microseconds or nanoseconds since 1970, told by their number of digits. A time without a zone is taken for UTC.
"""

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.schemas import MODIFIED_AT
from pricecast_dagster.sources.columns import Layout
from pricecast_dagster.sources.dates import parse_dates
from pricecast_dagster.sources.sheet import Sheet
from pricecast_dagster.sources.values import MISSING, as_texts

if TYPE_CHECKING:
    import pyarrow as pa

NEVER: Final = int(np.iinfo(np.int64).min)
"""Of a row that does not tell; before every other."""

Whole = NDArray[np.int64]

_SECOND: Final = 10**9
_LATEST: Final = 9_200_000_000
"""Seconds; nanoseconds since 1970 fit an integer until the year 2262. What lies beyond is as late, or as early, as can be."""
_UNITS: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_FRACTION_AND_ZONE: Final = (
    r":\d{2}(?:[.,](?P<fraction>\d+))?\s*(?:[AaPp]\.?(?:[Mm]\.?)?)?"
    r"\s*(?:Z|UTC|(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2})?)?$"
)
_EPOCH: Final = r"^(?:(?P<s>\d{9,10})|(?P<ms>\d{12,13})|(?P<us>\d{15,16})|(?P<ns>\d{18}|[1-8]\d{18}))(?:[.,](?P<fraction>\d+))?$"


def modified_at(sheet: Sheet, layout: Layout, *, day_first: bool) -> tuple[Whole, list[str]]:
    """When each row was modified, (n,) nanoseconds since 1970 or NEVER, and a note if some texts could not be read."""
    if MODIFIED_AT not in layout.columns:
        return np.full(sheet.table.num_rows, NEVER, dtype=np.int64), []
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as kinds

    column = sheet.table.column(layout.columns[MODIFIED_AT])
    if kinds.is_timestamp(column.type):
        return _of_timestamps(column), []
    texts = as_texts(column)
    instants = parse_instants(texts.distinct, day_first=day_first)
    told = ~pc.is_in(pc.utf8_lower(texts.distinct), pa.array(MISSING)).to_numpy(zero_copy_only=False)
    unread = told & (instants == NEVER)
    if not unread.any():
        return instants[texts.codes], []
    where = f"{sheet.file}: {int(texts.counts[unread].sum()):,} values of column {sheet.names[layout.columns[MODIFIED_AT]]}"
    example = str(texts.distinct[int(np.argmax(unread))])[:40]
    note = (
        f"{where} are no time, such as {example!r}; their rows give way to those that have one. Write it as 2026-03-04T10:00:00Z."
    )
    return instants[texts.codes], [note]


def parse_instants(texts: "pa.Array", *, day_first: bool) -> Whole:
    """Texts as nanoseconds since 1970, NEVER where a text is no time."""
    import pyarrow.compute as pc

    trimmed = pc.utf8_trim_whitespace(texts)
    moments = parse_dates(trimmed, day_first=day_first)
    found = pc.extract_regex(trimmed, _FRACTION_AND_ZONE)
    ahead = _whole(found, "hours") * 3600 + _whole(found, "minutes") * 60
    west = pc.equal(pc.fill_null(pc.struct_field(found, "sign"), ""), "-").to_numpy(zero_copy_only=False)
    seconds = moments.days.astype("datetime64[s]").astype(np.int64) + moments.seconds + np.where(west, ahead, -ahead)
    instants = np.where(np.isnat(moments.days), NEVER, _nanoseconds(seconds, _fraction(found)))
    return np.where(instants == NEVER, _of_epochs(trimmed), instants)


def _of_epochs(texts: "pa.Array") -> Whole:
    import pyarrow.compute as pc

    found = pc.extract_regex(texts, _EPOCH)
    instants = np.full(len(texts), NEVER, dtype=np.int64)
    if not found.null_count < len(texts):
        return instants
    fraction = _fraction(found)
    for unit, parts in _UNITS.items():
        whole = _whole(found, unit)
        of_unit = _nanoseconds(whole // parts, whole % parts * (_SECOND // parts) + fraction // parts)
        instants = np.where(whole > 0, of_unit, instants)
    return instants


def _of_timestamps(column: "pa.ChunkedArray") -> Whole:
    import pyarrow as pa
    import pyarrow.compute as pc

    parts = _UNITS[column.type.unit]
    there = column.is_valid().to_numpy()
    whole = pc.fill_null(pc.cast(column, pa.int64()), 0).to_numpy()
    return np.where(there, _nanoseconds(whole // parts, whole % parts * (_SECOND // parts)), NEVER)


def _nanoseconds(seconds: Whole, fraction: Whole) -> Whole:
    return np.clip(seconds, -_LATEST, _LATEST) * _SECOND + fraction


def _fraction(found: "pa.Array") -> Whole:
    """Digits after the mark as nanoseconds."""
    import pyarrow as pa
    import pyarrow.compute as pc

    digits = pc.utf8_rpad(pc.fill_null(pc.struct_field(found, "fraction"), ""), 9, "0")
    return np.array(pc.cast(pc.utf8_slice_codeunits(digits, 0, 9), pa.int64()).to_numpy(zero_copy_only=False))


def _whole(found: "pa.Array", part: str) -> Whole:
    import pyarrow as pa
    import pyarrow.compute as pc

    digits = pc.fill_null(pc.struct_field(found, part), "")
    return np.array(pc.cast(pc.if_else(pc.equal(digits, ""), "0", digits), pa.int64()).to_numpy(zero_copy_only=False))
