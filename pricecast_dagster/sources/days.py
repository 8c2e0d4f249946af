"""Days: lines gathered to one record per SKU and day.

Belongs here: adding up till lines, and choosing among rows that speak of the same SKU and day. Not here: which lines are
good enough to be gathered (`parsing`, `cleaning`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.sources.parsing import rounded

Whole = NDArray[np.int64]
Amounts = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Lines or records side by side.

    Attributes:
        key: (n,) one number for SKU and day.
        price, quantity: (n,), NaN where not told.
        modified, second, position: (n,) what decides which of two is the later one, in this order.
    """

    key: Whole
    price: Amounts
    quantity: Amounts
    modified: Whole
    second: Whole
    position: Whole

    def at(self, chosen: "Whole | NDArray[np.bool_]") -> "Rows":
        """Some of them."""
        return Rows(
            self.key[chosen],
            self.price[chosen],
            self.quantity[chosen],
            self.modified[chosen],
            self.second[chosen],
            self.position[chosen],
        )


def add_up(rows: Rows) -> tuple[Rows, Whole]:
    """Till lines to days: quantities are summed, the price is what was paid for one on average.

    Returns:
        One record per key, sorted by key, and (n,) the record of each line. Records do not depend on the order of lines:
        floating-point sums do, so they are made in an order that only the values decide.
    """
    order = np.lexsort((rows.quantity, rows.price, rows.key))
    sorted_rows = rows.at(order)
    first = np.concatenate([[True], sorted_rows.key[1:] != sorted_rows.key[:-1]]) if len(order) else np.zeros(0, dtype=bool)
    starts = np.flatnonzero(first)
    if not len(starts):
        return rows, np.zeros(0, dtype=np.int64)
    quantity = np.add.reduceat(sorted_rows.quantity, starts)
    revenue = np.add.reduceat(sorted_rows.quantity * sorted_rows.price, starts)
    with np.errstate(invalid="ignore"):  # till lines of sales have no price, and may add up to nothing sold
        price = rounded(revenue / quantity)
    records = Rows(
        key=sorted_rows.key[starts],
        price=price,
        quantity=rounded(quantity),
        modified=np.maximum.reduceat(sorted_rows.modified, starts),
        second=np.maximum.reduceat(sorted_rows.second, starts),
        position=np.maximum.reduceat(sorted_rows.position, starts),
    )
    record_of = np.empty(len(order), dtype=np.int64)
    record_of[order] = np.cumsum(first) - 1
    return records, record_of


def joined(*parts: Rows) -> Rows:
    """Rows one after the other."""
    return Rows(
        np.concatenate([part.key for part in parts]),
        np.concatenate([part.price for part in parts]),
        np.concatenate([part.quantity for part in parts]),
        np.concatenate([part.modified for part in parts]),
        np.concatenate([part.second for part in parts]),
        np.concatenate([part.position for part in parts]),
    )


def last_of_each(rows: Rows) -> tuple[Whole, NDArray[np.bool_]]:
    """Which record of a SKU and day counts: the one modified last, then the latest in the day, then the last in the files.

    Returns:
        Positions of the kept ones, sorted by key; and (n,) whether a record says the same as the kept one of its key.
    """
    order = np.lexsort((rows.position, rows.second, rows.modified, rows.key))
    ordered = rows.key[order]
    last = np.concatenate([ordered[1:] != ordered[:-1], [True]]) if len(order) else np.zeros(0, dtype=bool)
    kept = order[last]
    kept_of = kept[np.searchsorted(rows.key[kept], rows.key)] if len(kept) else kept
    same = same_amount(rows.price, rows.price[kept_of]) & same_amount(rows.quantity, rows.quantity[kept_of])
    return kept, same


def same_amount(one: Amounts, other: Amounts) -> NDArray[np.bool_]:
    """Whether amounts are equal, element by element; two unknown ones are."""
    return np.asarray((one == other) | (np.isnan(one) & np.isnan(other)))
