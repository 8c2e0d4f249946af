"""Plain: columns of a typed file or table as columns of their values, whatever they were packed in.

Belongs here: dictionaries (a `category` of pandas) and bytes that are texts, and zones that do not exist. Not here: texts
and numbers of plain columns (`values`).

Everything after it asks for the type of a column to know whether its format has to be found out: packed otherwise, the same
texts would be read by another rule.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from pricecast_dagster.errors import UnreadableFileError
from pricecast_dagster.sources.columns import Layout
from pricecast_dagster.sources.encodings import guessed_encoding
from pricecast_dagster.sources.sheet import Sheet, joined_values

if TYPE_CHECKING:
    import pyarrow as pa


def with_plain_columns(sheet: Sheet, layout: Layout) -> Sheet:
    """The sheet with those of its columns that are ours unpacked; the others stay as they are, pictures among them.

    Raises:
        UnreadableFileError: a column has times in a zone that does not exist.
    """
    table, notes = sheet.table, list(sheet.notes)
    for position in sorted(set(layout.columns.values())):
        name, found = table.column_names[position], table.column(position)
        column = _unpacked(found)
        if _is_bytes(column):
            column, encoding, damaged = _decoded(column)
            if damaged:
                notes.append(f"{sheet.file}: {damaged} characters in column {name} are not {encoding} and were replaced.")
        _check_zone(column, name, sheet.file)
        if column is not found:
            table = table.set_column(position, name, column)
    if table is sheet.table:
        return sheet
    return replace(sheet, table=table, row_text=joined_values(table), notes=tuple(notes))


def _unpacked(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    import pyarrow as pa
    import pyarrow.types as kinds

    if not kinds.is_dictionary(column.type):
        return column
    return pa.chunked_array([chunk.dictionary_decode() for chunk in column.chunks], column.type.value_type)


def _is_bytes(column: "pa.ChunkedArray") -> bool:
    import pyarrow.types as kinds

    return bool(kinds.is_binary(column.type) or kinds.is_large_binary(column.type) or kinds.is_binary_view(column.type))


def _decoded(column: "pa.ChunkedArray") -> "tuple[pa.ChunkedArray, str, int]":
    """Bytes as texts: UTF-8, or else what a CSV file of them would be; with the encoding and how many characters were lost."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return pc.cast(column, pa.large_string()), "utf-8", 0
    except pa.ArrowInvalid:
        values = column.to_pylist()
    encoding = guessed_encoding(b"\n".join(value for value in values if value is not None))
    texts = [None if value is None else value.decode(encoding, errors="replace") for value in values]
    return pa.chunked_array([texts], pa.large_string()), encoding, sum(text.count("\ufffd") for text in texts if text)


def _check_zone(column: "pa.ChunkedArray", name: str, file: str) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as kinds

    if not kinds.is_timestamp(column.type) or column.type.tz is None:
        return
    try:
        pc.local_timestamp(pa.array([0], column.type))
    except pa.ArrowInvalid as error:
        raise UnreadableFileError(
            f"{file}: column {name} has times in the zone {column.type.tz!r}, which is not known here.",
            remedy="Write it in UTC, in a zone of the IANA list such as America/Sao_Paulo, or without a zone.",
        ) from error
