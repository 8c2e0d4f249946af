"""Parsing: from sheets to typed lines, with a reason for every line that says nothing usable by itself.

Belongs here: what can be judged from a single line. Not here: the formats of a file (`formats`), and what takes other lines
to judge (`cleaning`: duplicates, absurd prices, sales without a price).
"""

from collections.abc import Set
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.schemas import DATE, PRICE, QUANTITY, SKU
from pricecast_dagster.sources.columns import INVOICE, REVENUE, Kind, Layout
from pricecast_dagster.sources.dates import Moments
from pricecast_dagster.sources.formats import Formats
from pricecast_dagster.sources.modified import modified_at
from pricecast_dagster.sources.reasons import TAKEN, Reason, code_of
from pricecast_dagster.sources.sheet import Sheet
from pricecast_dagster.sources.values import as_moments, as_numbers, as_texts
from pricecast_dagster.storage.keys import why_unusable

if TYPE_CHECKING:
    import pyarrow as pa

FIRST_DAY: Final = np.datetime64("1990-01-01", "D")
"""Earlier days are placeholders (1900-01-01, 1970-01-01); one of them would stretch every panel by decades."""

DECIMALS: Final = 6
"""Prices and quantities are kept to a millionth."""

LARGEST_PRICE: Final = 1e12
"""No currency has a larger one; what is larger is a number of something else."""

_LARGEST_ROUNDED: Final = 1e9
"""Above it a double has no millionths to round, and rounding by multiplication would add an error."""


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """The records of one sheet, understood; in the order of the sheet.

    Attributes:
        sheet, layout: where they come from.
        skus: (m,) distinct SKUs; sku: (n,) positions in it.
        days: (n,) datetime64[D], NaT where unusable. seconds: (n,) of the day.
        price, quantity: (n,) rounded to millionths, NaN where missing or unusable.
        modified: (n,) nanoseconds since 1970, `modified.NEVER` where not told.
        till: whether these are till lines, to be added up by SKU and day; see `_are_till_lines`.
        reason: (n,) int8, TAKEN or the code of the reason.
        notes: what a person should know about it.
    """

    sheet: Sheet
    layout: Layout
    skus: NDArray[np.object_]
    sku: NDArray[np.int64]
    days: NDArray[np.datetime64]
    seconds: NDArray[np.int64]
    price: NDArray[np.float64]
    quantity: NDArray[np.float64]
    modified: NDArray[np.int64]
    till: bool
    reason: NDArray[np.int8]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.sku)

    def of(self, skus: Set[str]) -> "Lines":
        """Only the lines of some SKUs."""
        chosen = np.array([name in skus for name in self.skus], dtype=np.bool_)[self.sku]
        return replace(
            self,
            sheet=self.sheet.only(chosen),
            sku=self.sku[chosen],
            days=self.days[chosen],
            seconds=self.seconds[chosen],
            price=self.price[chosen],
            quantity=self.quantity[chosen],
            modified=self.modified[chosen],
            reason=self.reason[chosen],
        )


def rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values as they are stored and hashed: to a millionth, without a negative zero; rounding twice changes nothing."""
    with np.errstate(invalid="ignore"):
        small = np.abs(values) < _LARGEST_ROUNDED
        return np.where(small, np.round(values, DECIMALS), values) + 0.0


def parse(sheet: Sheet, layout: Layout, formats: Formats, today: date) -> Lines:
    """Understand a sheet of prices, sales or both."""
    skus = as_texts(_column(sheet, layout, SKU))
    moments = as_moments(_column(sheet, layout, DATE), day_first=formats.day_first)
    till = _are_till_lines(layout, moments)
    price, quantity, number_reason = _amounts(sheet, layout, formats, till=till)
    modified, notes = modified_at(sheet, layout, day_first=formats.day_first)
    names = np.array(skus.distinct.to_pylist(), dtype=object)
    empty = np.array([not name for name in names], dtype=np.bool_)[skus.codes]
    unusable = np.array([why_unusable(name) is not None for name in names], dtype=np.bool_)[skus.codes]
    return Lines(
        sheet=sheet,
        layout=layout,
        skus=names,
        sku=skus.codes,
        days=moments.days,
        seconds=moments.seconds,
        price=price,
        quantity=quantity,
        modified=modified,
        till=till,
        reason=_first_reason(
            (empty, Reason.EMPTY_SKU),
            (unusable, Reason.UNUSABLE_SKU),
            (np.isnat(moments.days), Reason.UNPARSABLE_DATE),
            (moments.days < FIRST_DAY, Reason.DAY_TOO_LONG_AGO),
            (moments.days > np.datetime64(today, "D"), Reason.DAY_IN_THE_FUTURE),
            otherwise=number_reason,
        ),
        notes=tuple(notes),
    )


def _column(sheet: Sheet, layout: Layout, name: str) -> "pa.ChunkedArray":
    return sheet.table.column(layout.columns[name])


def _are_till_lines(layout: Layout, moments: Moments) -> bool:
    """Whether several rows of a SKU and day add up to its day, rather than contradict each other.

    Yes where rows tell a quantity and the file has an invoice or a revenue column, or times of day. A file of bare days is
    taken for one row a SKU and day: there, a second row is a correction or a mistake. The same time on different days
    throughout a file is no time of day but the midnight of another zone.
    """
    if layout.kind not in (Kind.SALES, Kind.HISTORY):
        return False
    if INVOICE in layout.columns or REVENUE in layout.columns:
        return True
    good = ~np.isnat(moments.days)
    times, days = np.unique(moments.seconds[good]), np.unique(moments.days[good])
    return bool(times.any()) and not (len(times) == 1 and len(days) > 1)


def _amounts(
    sheet: Sheet, layout: Layout, formats: Formats, *, till: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int8]]:
    """Price, quantity and what is wrong with them, (n,) each."""
    n_rows = sheet.table.num_rows
    nothing = np.full(n_rows, np.nan), np.zeros(n_rows, dtype=np.bool_)

    def numbers(name: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        if name not in layout.columns:
            return nothing
        return as_numbers(_column(sheet, layout, name), formats.marks[name], strict=formats.strict_numbers)

    wants_price, wants_quantity = layout.kind is not Kind.SALES, layout.kind is not Kind.PRICES
    quantity, quantity_missing = numbers(QUANTITY) if wants_quantity else nothing
    quantity = rounded(quantity)
    price, _ = numbers(PRICE) if wants_price else nothing
    if wants_price and PRICE not in layout.columns:
        revenue, _ = numbers(REVENUE)
        price = revenue / np.where(quantity == 0, 1.0, np.abs(quantity))
        price = np.where(quantity < 0, np.abs(price), price)  # a return is told as one, with or without a negative amount
    price = rounded(price)
    # A day's row may have a price and no known quantity; a sale or a till line without one says nothing.
    may_miss = quantity_missing & (layout.kind is Kind.HISTORY) & (not till)
    wrong = (np.abs(price) > LARGEST_PRICE) | (np.isnan(price) & wants_price) | (np.isnan(quantity) & wants_quantity & ~may_miss)
    return (
        price,
        quantity,
        _first_reason(
            (wrong, Reason.UNPARSABLE_NUMBER),
            ((quantity == 0) & till & wants_price, Reason.NOTHING_SOLD),
            (price == 0, Reason.PRICE_ZERO),
            (price < 0, Reason.PRICE_NEGATIVE),
            (quantity < 0, Reason.RETURNED_GOODS),
        ),
    )


def _first_reason(*checks: tuple[NDArray[np.bool_], Reason], otherwise: NDArray[np.int8] | int = TAKEN) -> NDArray[np.int8]:
    masks = [mask for mask, _ in checks]
    codes = [np.int8(code_of(reason)) for _, reason in checks]
    return np.asarray(np.select(masks, codes, otherwise), dtype=np.int8)
