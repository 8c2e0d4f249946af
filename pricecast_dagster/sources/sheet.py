"""The sheet: one file or table as found, every record of it accounted for, nothing of it understood yet.

Belongs here: the shape that readers of CSV, Parquet and SQL hand over. Not here: which column is which (`columns`) and
what the texts mean (`parsing`).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Malformed:
    """A record that does not fit the header.

    Attributes:
        line: 1-based number of its first line in the file.
        text: the record as it stands there.
    """

    line: int
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """Records of one file or table.

    Attributes:
        file: its name relative to the source, or the table's.
        table: every column as found; texts of a CSV file, typed values of Parquet and SQL. (n,) rows.
        lines: (n,) 1-based number of each record's first line; in Parquet and SQL its row number.
        row_text: the raw text of the record at a position.
        malformed: records that do not fit the header; they are in no other attribute.
        separator: of the fields of a CSV file, "" elsewhere.
        notes: what a person should know about reading it.
    """

    file: str
    table: "pa.Table"
    lines: NDArray[np.int64]
    row_text: Callable[[int], str]
    malformed: tuple[Malformed, ...] = ()
    separator: str = ""
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The column names as found, in their order."""
        return tuple(self.table.column_names)

    def only(self, chosen: NDArray[np.bool_]) -> "Sheet":
        """Some of its records; malformed ones belong to no SKU and are left out."""
        positions = np.flatnonzero(chosen)
        row_text = self.row_text
        return replace(
            self,
            table=self.table.take(positions),
            lines=self.lines[positions],
            row_text=lambda position: row_text(int(positions[position])),
            malformed=(),
        )


def joined_values(table: "pa.Table") -> Callable[[int], str]:
    """The raw text of a typed row: its values with commas between them."""

    def row_text(position: int) -> str:
        row = table.slice(position, 1)
        return ",".join(value_text(column[0]) or "" for column in row.columns)

    return row_text


def value_text(value: "pa.Scalar") -> str | None:
    """A single typed value as a text, None where there is none; of any type, and of days that Python's calendar lacks."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        found = value.as_py()
    except (OverflowError, ValueError, KeyError):  # beyond the year 9999, or in a zone that does not exist
        try:
            return str(pc.cast(value, pa.string()).as_py())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return f"<{value.type}>"
    return None if found is None else str(found)
