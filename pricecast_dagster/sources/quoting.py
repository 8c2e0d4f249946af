"""Quoting: records of a CSV file whose quotes are out of order, one at a time.

Belongs here: what a stray quote may cost, which is its own line and no more. Not here: the fast path (`delimited`).

A reader that trusts every quote takes `"abc` for the start of a field that ends with the next stray quote, a hundred
lines on, and loses them all. Here a record may run over lines only if it then fits the header.
"""

import csv
from typing import Final

from pricecast_dagster.sources.sheet import Malformed

_LONGEST_RECORD: Final = 50
"""Lines that one quoted field may run over; bounds what a stray quote costs."""


def split_alone(line: str, separator: str, width: int) -> list[str] | None:
    """The fields of a record taken for itself, or None where it does not fit.

    Quotes in odd places are read leniently; an open one that swallows separators makes too few fields, so it does not fit.
    Empty fields to spare, as a separator at the end of a line makes, are dropped.
    """
    try:
        fields = next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return None
    return fields[:width] if len(fields) >= width and not any(fields[width:]) else None


def quoted_records(
    content: bytes, separator: str, width: int, start: int, first_line: int
) -> tuple[list[int], list[str], list[list[str]], list[Malformed]]:
    """Records and what does not fit.

    Args:
        content: UTF-8 with plain line ends.
        separator: of the fields.
        width: number of fields of the header.
        start: byte at which the records begin.
        first_line: number of the line there.

    Returns:
        Of the records that fit: first lines, raw texts and fields; and the malformed lines.
    """
    physical = content[start:].decode(errors="replace").split("\n")
    lines: list[int] = []
    texts: list[str] = []
    rows: list[list[str]] = []
    malformed: list[Malformed] = []
    position = 0
    while position < len(physical):
        text = physical[position]
        if not text.strip():
            position += 1
            continue
        fields, length = _well_quoted(physical, position, separator, width)
        if fields is None:
            fields, length = split_alone(text, separator, width), 1
        else:
            text = "\n".join(physical[position : position + length])
        if fields is None:
            malformed.append(Malformed(first_line + position, text))
        else:
            lines.append(first_line + position)
            texts.append(text)
            rows.append(fields)
        position += length
    return lines, texts, rows, malformed


def _well_quoted(physical: list[str], position: int, separator: str, width: int) -> tuple[list[str] | None, int]:
    """The record that begins at a line, if its quotes are in order and it fits; and over how many lines it runs."""
    # Not islice: it walks a list from its beginning, which made a file of a million lines take hours.
    ahead = (f"{physical[place]}\n" for place in range(position, min(position + _LONGEST_RECORD, len(physical))))
    reader = csv.reader(ahead, delimiter=separator, strict=True)
    try:
        fields = next(reader)
    except (csv.Error, StopIteration):
        return None, 1
    return (fields, reader.line_num) if len(fields) == width else (None, 1)
