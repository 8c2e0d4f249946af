"""Cleaning: from the lines of all files to one history, and a reason for every line that is not in it.

Belongs here: what takes more than one line to judge: unknown SKUs, absurd prices, duplicates, sales without a price. Not
here: what a single line tells (`parsing`), and the telling (`accounts`).

A line is taken when the history would be another without it, or when it was added up into a day of it. Every line is
either taken or has exactly one reason.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.schemas import DATE, HISTORY_COLUMNS, PRICE, QUANTITY, SKU
from pricecast_dagster.sources.absurd import absurd_prices
from pricecast_dagster.sources.columns import Kind
from pricecast_dagster.sources.days import Rows, add_up, joined, last_of_each, same_amount
from pricecast_dagster.sources.parsing import Lines
from pricecast_dagster.sources.reasons import TAKEN, Reason, code_of
from pricecast_dagster.sources.values import as_texts

if TYPE_CHECKING:
    import pandas as pd

_DAYS: Final = 1 << 20
"""Keys are SKU code x this + days since 1970: room for 2,800 years."""


@dataclass(frozen=True, slots=True, eq=False)
class Cleaned:
    """What is left of the lines.

    Attributes:
        history: HISTORY_COLUMNS, sorted by SKU and date, one row a SKU and day.
        reasons: for each sheet (n,) int8, TAKEN or the code of the reason.
    """

    history: "pd.DataFrame"
    reasons: tuple[NDArray[np.int8], ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Pool:
    """The lines of all sheets, one after the other."""

    names: NDArray[np.object_]
    sku: NDArray[np.int64]
    rows: Rows
    is_sale: NDArray[np.bool_]
    is_till: NDArray[np.bool_]


def clean(sheets: Sequence[Lines], known: Set[str] | None, absurd_factor: float) -> Cleaned:
    """Make one history of many sheets.

    Args:
        sheets: prices, sales and histories, in file order, which decides between rows that contradict each other.
        known: SKUs of the product list; None where there is none.
        absurd_factor: see `absurd.absurd_prices`.
    """
    pool = _pooled(sheets)
    reason = np.concatenate([np.zeros(0, dtype=np.int8), *(lines.reason for lines in sheets)])
    if known is not None:
        unknown = np.array([name not in known for name in pool.names], dtype=np.bool_)[pool.sku]
        # Before dates and numbers: a line of a product that is not ours needs no mending.
        unknown &= ~np.isin(reason, [code_of(Reason.EMPTY_SKU), code_of(Reason.UNUSABLE_SKU)])
        reason[unknown] = code_of(Reason.UNKNOWN_SKU)

    priced = np.flatnonzero((reason == TAKEN) & ~pool.is_sale)
    absurd = absurd_prices(pool.sku[priced], pool.rows.price[priced], absurd_factor)
    reason[priced[absurd]] = code_of(Reason.PRICE_ABSURD)
    reason[_till_duplicates(sheets, reason)] = code_of(Reason.EXACT_DUPLICATE)

    prices, reason = _one_a_day(pool, reason, np.flatnonzero((reason == TAKEN) & ~pool.is_sale))
    sales, reason = _one_a_day(pool, reason, np.flatnonzero((reason == TAKEN) & pool.is_sale))
    quantity, sale_reason = _matched(prices.records, sales.records)
    reason[sales.lines] = sale_reason[sales.record_of]
    ends = np.cumsum([len(lines) for lines in sheets])[:-1]
    return Cleaned(_history(pool, prices.records, quantity), tuple(np.split(reason, ends)) if sheets else ())


def _pooled(sheets: Sequence[Lines]) -> _Pool:
    empty = np.zeros(0, dtype=np.int64)
    names = np.array(sorted({name for lines in sheets for name in lines.skus}), dtype=object)
    code = {name: position for position, name in enumerate(names)}
    translated = [np.array([code[name] for name in lines.skus], dtype=np.int64)[lines.sku] for lines in sheets]
    sku = np.concatenate([empty, *translated])
    days = np.concatenate([empty, *(lines.days.astype("datetime64[D]").astype(np.int64) for lines in sheets)])
    floats = np.zeros(0)
    return _Pool(
        names=names,
        sku=sku,
        rows=Rows(
            key=sku * _DAYS + np.clip(days, 0, _DAYS - 1),
            price=np.concatenate([floats, *(lines.price for lines in sheets)]),
            quantity=np.concatenate([floats, *(lines.quantity for lines in sheets)]),
            modified=np.concatenate([empty, *(lines.modified for lines in sheets)]),
            second=np.concatenate([empty, *(lines.seconds for lines in sheets)]),
            position=np.arange(len(sku)),
        ),
        is_sale=_spread(sheets, [lines.layout.kind is Kind.SALES for lines in sheets]),
        is_till=_spread(sheets, [lines.till for lines in sheets]),
    )


def _spread(sheets: Sequence[Lines], flags: list[bool]) -> NDArray[np.bool_]:
    return np.repeat(np.array(flags, dtype=np.bool_), [len(lines) for lines in sheets])


def _till_duplicates(sheets: Sequence[Lines], reason: NDArray[np.int8]) -> NDArray[np.int64]:
    """Lines of tills that are equal to an earlier one in every column, also those we do not use, and across files.

    Two customers may buy the same at the same second; that the invoice and everything else are the same too is an export
    that was made twice.
    """
    import pandas as pd
    import pyarrow as pa

    starts = np.cumsum([0, *(len(lines) for lines in sheets)])
    groups: dict[object, list[int]] = {}
    for index, lines in enumerate(sheets):
        if lines.till:
            groups.setdefault(str(lines.sheet.table.schema), []).append(index)
    found = [np.zeros(0, dtype=np.int64)]
    for group in groups.values():
        table = pa.concat_tables([sheets[index].sheet.table for index in group])
        positions = np.concatenate([np.arange(starts[index], starts[index + 1]) for index in group])
        good = reason[positions] == TAKEN
        codes = pd.DataFrame({place: as_texts(column).codes for place, column in enumerate(table.columns)})
        found.append(positions[good][codes[good].duplicated().to_numpy()])
    return np.concatenate(found)


@dataclass(frozen=True, slots=True, eq=False)
class _Days:
    """Records, one a SKU and day, sorted by key; and of the lines that made them their positions and records."""

    records: Rows
    lines: NDArray[np.int64]
    record_of: NDArray[np.int64]


def _one_a_day(pool: _Pool, reason: NDArray[np.int8], lines: NDArray[np.int64]) -> tuple[_Days, NDArray[np.int8]]:
    """Gather good lines to days; those of a record that is not the one kept get the reason."""
    till = lines[pool.is_till[lines]]
    single = lines[~pool.is_till[lines]]
    summed, sum_of = add_up(pool.rows.at(till))
    records = joined(pool.rows.at(single), summed)
    lines = np.concatenate([single, till])
    record_of = np.concatenate([np.arange(len(single)), sum_of + len(single)])
    kept, same = last_of_each(records)
    verdict = np.where(same, code_of(Reason.EXACT_DUPLICATE), code_of(Reason.CONFLICTING_DUPLICATE)).astype(np.int8)
    verdict[kept] = TAKEN
    told = reason.copy()
    told[lines] = verdict[record_of]
    place = np.full(len(records.key), -1, dtype=np.int64)
    place[kept] = np.arange(len(kept))
    taken = told[lines] == TAKEN
    return _Days(records.at(kept), lines[taken], place[record_of[taken]]), told


def _matched(prices: Rows, sales: Rows) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """The quantity of every price record, and what becomes of every sales record.

    A quantity that stands beside its price, in one row, counts before one from a file of sales.
    """
    verdict = np.full(len(sales.key), code_of(Reason.SALE_WITHOUT_PRICE), dtype=np.int8)
    quantity = prices.quantity.copy()
    if not len(prices.key):
        return quantity, verdict
    place = np.minimum(np.searchsorted(prices.key, sales.key), len(prices.key) - 1)
    found = prices.key[place] == sales.key
    open_day = found & np.isnan(prices.quantity[place])
    same = same_amount(prices.quantity[place], sales.quantity)
    verdict[found & same] = code_of(Reason.EXACT_DUPLICATE)
    verdict[found & ~same] = code_of(Reason.CONFLICTING_DUPLICATE)
    verdict[open_day] = TAKEN
    quantity[place[open_day]] = sales.quantity[open_day]
    return quantity, verdict


def _history(pool: _Pool, prices: Rows, quantity: NDArray[np.float64]) -> "pd.DataFrame":
    import pandas as pd

    names = pd.array(list(pool.names), dtype="str")
    return pd.DataFrame(
        {
            SKU: names.take(prices.key // _DAYS),
            DATE: (prices.key % _DAYS).astype("datetime64[D]").astype("datetime64[s]"),
            PRICE: prices.price,
            QUANTITY: quantity,
        },
        columns=list(HISTORY_COLUMNS),
    )
