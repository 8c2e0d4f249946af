"""Values: columns of any Arrow type as arrays of numbers, days or texts.

Belongs here: types. Not here: formats of texts (`numbers`, `dates`) and which values are good (`parsing`).

A text column is understood by its distinct texts, each parsed once.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.sources.dates import Moments, order_votes, parse_dates
from pricecast_dagster.sources.numbers import DecimalMark, parse_either, parse_numbers
from pricecast_dagster.sources.sheet import value_text

if TYPE_CHECKING:
    import pyarrow as pa

MISSING: Final = ("", "-", "na", "n/a", "nan", "nat", "null", "none")
"""What stands for nothing, in small letters."""


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """A text column: its distinct texts and where they stand.

    Attributes:
        distinct: (m,) trimmed.
        codes: (n,) position of each row's text in `distinct`.
    """

    distinct: "pa.Array"
    codes: NDArray[np.int64]

    @property
    def counts(self) -> NDArray[np.int64]:
        """(m,) in how many rows each text stands."""
        return np.bincount(self.codes, minlength=len(self.distinct)).astype(np.int64)


def as_texts(column: "pa.ChunkedArray") -> Texts:
    """A column of any type as trimmed texts; a missing value is the empty text, 17.0 in a column of floats is `17`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    encoded = pc.dictionary_encode(pc.fill_null(_to_string(column), ""))
    array = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    if isinstance(array, pa.ChunkedArray):  # combine_chunks of no chunks
        return Texts(pa.array([], pa.string()), np.zeros(0, dtype=np.int64))
    trimmed = pc.dictionary_encode(pc.utf8_trim_whitespace(array.dictionary))
    codes = trimmed.indices.to_numpy(zero_copy_only=False)[array.indices.to_numpy(zero_copy_only=False)]
    return Texts(trimmed.dictionary, np.asarray(codes, dtype=np.int64))


def is_text(column: "pa.ChunkedArray") -> bool:
    """Whether values stand as texts, whose format has to be found out."""
    import pyarrow.types as kinds

    return bool(kinds.is_string(column.type) or kinds.is_large_string(column.type) or kinds.is_string_view(column.type))


def vote_on_order(column: "pa.ChunkedArray") -> int:
    """The column's say on day or month first in its file, see `dates.order_votes`."""
    if not is_text(column):
        return 0
    texts = as_texts(column)
    return order_votes(texts.distinct, texts.counts)


def as_numbers(column: "pa.ChunkedArray", mark: DecimalMark, *, strict: bool) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """A column as numbers.

    Args:
        column: of any type.
        mark: decimal mark of texts.
        strict: whether a text that makes no sense under the mark may be read under the other.

    Returns:
        (n,) numbers, NaN where there is none; (n,) whether the value is missing rather than wrong.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if is_text(column):
        texts = as_texts(column)
        parse = parse_numbers if strict else parse_either
        missing = pc.is_in(pc.utf8_lower(texts.distinct), pa.array(MISSING)).to_numpy(zero_copy_only=False)
        return parse(texts.distinct, mark)[texts.codes], missing[texts.codes]
    try:
        numbers = pc.cast(column, pa.float64(), safe=False).to_numpy().astype(np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        texts = as_texts(column)
        return parse_numbers(texts.distinct, ".")[texts.codes], np.zeros(len(texts.codes), dtype=np.bool_)
    missing = np.isnan(numbers)
    numbers = np.where(np.isinf(numbers), np.nan, numbers)
    return numbers, missing


def as_moments(column: "pa.ChunkedArray", *, day_first: bool) -> Moments:
    """A column as days and seconds of the day; timestamps with a zone give the day on the clock of that zone."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as kinds

    if kinds.is_timestamp(column.type) or kinds.is_date(column.type):
        if kinds.is_timestamp(column.type) and column.type.tz is not None:
            column = pc.local_timestamp(column)
        seconds = pc.cast(column, pa.timestamp("s"), safe=False).to_numpy().astype("datetime64[s]")
        days = seconds.astype("datetime64[D]")
        of_day = np.where(np.isnat(seconds), 0, (seconds - days).astype(np.int64))
        return Moments(days, of_day)
    texts = as_texts(column)
    moments = parse_dates(texts.distinct, day_first=day_first)
    return Moments(moments.days[texts.codes], moments.seconds[texts.codes])


def _to_string(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as kinds

    if kinds.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    if kinds.is_floating(column.type):
        values = column.to_numpy()
        return pa.chunked_array([[_number_text(value) for value in values]], pa.string())
    try:
        return pc.cast(column, pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # bytes that are no text, nested types
        return pa.chunked_array([[value_text(value) for value in column]], pa.string())


def _number_text(value: float) -> str | None:
    if np.isnan(value):
        return None
    return str(int(value)) if np.isfinite(value) and value == int(value) else str(value)
