"""Formats: how each file writes numbers and dates, read off the rows that can only be read one way.

Belongs here: who votes on a format, and what a person is told where nobody does. Not here: what a single text votes for
(`numbers`, `dates`), and reading by the format that was found (`values`, `parsing`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from pricecast_dagster.schemas import DATE, PRICE, QUANTITY
from pricecast_dagster.settings import Settings
from pricecast_dagster.sources.columns import REVENUE, Kind, Layout
from pricecast_dagster.sources.numbers import DecimalMark, decimal_mark, either_way, mark_votes, parse_numbers
from pricecast_dagster.sources.sheet import Sheet
from pricecast_dagster.sources.values import as_texts, is_text, vote_on_order

if TYPE_CHECKING:
    import pyarrow as pa

MONTH_FIRST_COUNTRIES: Final = ("US",)
"""Where 03/04 is the fourth of March if nothing in the file tells."""


@dataclass(frozen=True, slots=True)
class Formats:
    """How a file writes numbers and dates.

    Attributes:
        marks: our column name -> the decimal mark of its texts.
        strict_numbers: whether the mark was set, so that the other one is not tried.
        day_first: whether 03/04 is the third of April.
    """

    marks: Mapping[str, DecimalMark]
    strict_numbers: bool
    day_first: bool


@dataclass(frozen=True, slots=True)
class _Column:
    """What the texts of a column of numbers tell of their decimal mark.

    Attributes:
        votes: see `numbers.mark_votes`.
        example: a text that is another number under the other mark, such as 1,250; "" where there is none, or votes tell.
        all_alike: whether every number of the column is such a one.
    """

    votes: int = 0
    example: str = ""
    all_alike: bool = False


def find_formats(found: Sequence[tuple[Sheet, Layout]], settings: Settings) -> tuple[list[Formats], list[str]]:
    """The formats of every file, and notes about numbers that can be read two ways; settings win over what is found.

    A column's mark is what most of its own rows can only be read with; where they don't tell, what the file's other columns
    tell, and then what the other files do. 1,250 among 12,90 is a quantity of kilograms, not of tonnes.
    """
    columns = [_columns(sheet, layout) for sheet, layout in found]
    votes = [sum(column.votes for column in ours.values()) for ours in columns]
    formats, notes = [], []
    for (sheet, layout), ours, own in zip(found, columns, votes, strict=True):
        others = sum(votes) - own
        if settings.decimal == "auto":
            marks = {name: decimal_mark(column.votes or own or others, sheet.separator) for name, column in ours.items()}
            told_by = "the rest of the file" if own else "the source's other files" if others else ""
            for name in _read(layout):
                if name in ours and _is_doubtful(ours[name], marks[name], told_by):
                    where = f"{sheet.file}: column {sheet.names[layout.columns[name]]}"
                    notes.append(_doubt(where, ours[name], marks[name], told_by))
        else:
            marks = dict.fromkeys(ours, settings.decimal)
        formats.append(Formats(marks, settings.decimal != "auto", _day_first(sheet, layout, settings)))
    return formats, notes


def _columns(sheet: Sheet, layout: Layout) -> dict[str, _Column]:
    names = [name for name in (PRICE, QUANTITY, REVENUE) if name in layout.columns]
    return {name: _look(sheet.table.column(layout.columns[name])) for name in names}


def _look(column: "pa.ChunkedArray") -> _Column:
    if not is_text(column):
        return _Column()
    texts = as_texts(column)
    votes = mark_votes(texts.distinct, texts.counts)
    if votes:
        return _Column(votes)
    twofold = either_way(texts.distinct)
    if not twofold.any():
        return _Column()
    numbers = ~np.isnan(parse_numbers(texts.distinct, "."))
    return _Column(0, str(texts.distinct[int(np.argmax(twofold))]), bool((twofold == numbers).all()))


def _day_first(sheet: Sheet, layout: Layout, settings: Settings) -> bool:
    if settings.day_first != "auto":
        return settings.day_first == "yes"
    votes = vote_on_order(sheet.table.column(layout.columns[DATE])) if DATE in layout.columns else 0
    return votes > 0 if votes else settings.country not in MONTH_FIRST_COUNTRIES


def _read(layout: Layout) -> list[str]:
    """The columns whose numbers get into the history."""
    price = [] if layout.kind is Kind.SALES else [PRICE if PRICE in layout.columns else REVENUE]
    return price + ([] if layout.kind is Kind.PRICES else [QUANTITY])


def _is_doubtful(column: _Column, mark: DecimalMark, told_by: str) -> bool:
    """Whether a person should look: nothing tells, or a whole column of x.yyy is taken for thousands because others are so.

    Thousands without an exception, none of them under a thousand or with decimals, are as rare as prices of fuel are not.
    """
    if not column.example:
        return False
    return not told_by or (column.all_alike and mark not in column.example)


def _doubt(where: str, column: _Column, mark: DecimalMark, told_by: str) -> str:
    import pyarrow as pa

    other: DecimalMark = "." if mark == "," else ","
    taken, instead = (parse_numbers(pa.array([column.example]), one)[0] for one in (mark, other))
    reason = f"as {told_by} tells" if told_by else "and nothing in the source tells"
    # The setting holds for every file, and would have the numbers rejected that told otherwise.
    remedy = "write one of them with two decimals" if told_by else "set PRICECAST_DECIMAL, or write one of them with two decimals"
    return (
        f"{where} has numbers that can be read two ways: {column.example} is read as {taken:g} and not as {instead:g}, {reason}. "
        f"If that is wrong, {remedy}."
    )
