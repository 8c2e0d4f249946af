"""The panel: price and quantity of some SKUs as arrays (SKU x day), the form all numerics work on.

Belongs here: from long rows to arrays, and cutting arrays by SKU and by day. Not here: what is computed from them
(`features`, `baselines`), and which rows are good enough to be taken (`sources.cleaning`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.errors import InvalidFrameError
from pricecast_dagster.schemas import DATE, PRICE, QUANTITY, SKU

if TYPE_CHECKING:
    import pandas as pd

Day: TypeAlias = np.datetime64 | date | str
"""A day in any of its spellings; a string is ISO, such as 2026-03-04."""


@dataclass(frozen=True, eq=False)
class Panel:
    """Daily history of some SKUs; its arrays are never written to.

    Attributes:
        skus: names, in the order of every first axis.
        first_day: the day of column 0, datetime64[D].
        price: (n_skus, n_days), carried forward from a SKU's first observed day to the panel's end, NaN before it.
        quantity: (n_skus, n_days), 0 on days without a known quantity, NaN before the SKU's first observed day.
        observed: (n_skus, n_days), whether there was a record of a price on that day.
    """

    skus: tuple[str, ...]
    first_day: np.datetime64
    price: NDArray[np.float64]
    quantity: NDArray[np.float64]
    observed: NDArray[np.bool_]

    @property
    def n_skus(self) -> int:
        """How many SKUs there are."""
        return int(self.price.shape[0])

    @property
    def n_days(self) -> int:
        """How many days there are."""
        return int(self.price.shape[1])

    @property
    def days(self) -> NDArray[np.datetime64]:
        """(n_days,) the day of every column, datetime64[D]."""
        return self.first_day + np.arange(self.n_days)

    @cached_property
    def first(self) -> NDArray[np.intp]:
        """(n_skus,) column of a SKU's first observed day; n_days where there is none."""
        return np.where(self.observed.any(axis=1), _first_true(self.observed), self.n_days)

    @cached_property
    def last(self) -> NDArray[np.intp]:
        """(n_skus,) column of a SKU's last observed day, its own origin; -1 where there is none."""
        from_end = _first_true(self.observed[:, ::-1])
        return np.where(self.observed.any(axis=1), self.n_days - 1 - from_end, -1)

    def select(self, indices: "Sequence[int] | NDArray[np.intp] | NDArray[np.bool_]") -> "Panel":
        """The panel of some SKUs on the same days, by positions or by a mask."""
        positions = np.arange(self.n_skus)[np.asarray(indices, dtype=None if len(indices) else np.intp)]
        return replace(
            self,
            skus=tuple(self.skus[position] for position in positions),
            price=self.price[positions],
            quantity=self.quantity[positions],
            observed=self.observed[positions],
        )

    def until(self, day: Day) -> "Panel":
        """What was known at the end of a day: nothing later is kept. The SKUs stay, also those not begun yet."""
        stop = int((_as_day(day) - self.first_day).astype(int)) + 1
        kept = slice(0, max(stop, 0))
        # Copies: a view would carry the later days along, into a worker process for instance.
        return replace(
            self,
            price=self.price[:, kept].copy(),
            quantity=self.quantity[:, kept].copy(),
            observed=self.observed[:, kept].copy(),
        )

    def lifetime(self) -> "Panel":
        """The panel from the first to the last observed day of any SKU; as it is where nothing was observed."""
        if not self.observed.any():
            return self
        first, last = int(self.first.min()), int(self.last.max())
        if first == 0 and last == self.n_days - 1:
            return self
        kept = slice(first, last + 1)
        return replace(
            self,
            first_day=self.days[first],
            price=self.price[:, kept].copy(),
            quantity=self.quantity[:, kept].copy(),
            observed=self.observed[:, kept].copy(),
        )


def build_panel(history: "pd.DataFrame", until: Day | None = None) -> Panel:
    """Lay a long history out as arrays.

    Args:
        history: rows of schemas.HISTORY_COLUMNS in any order, one a SKU and day; a missing quantity counts as 0.
        until: the panel's last day: later rows are left out, earlier ones carried forward to it. None means the last
            recorded day.

    Returns:
        The SKUs in the order in which they first appear, the days from the earliest row on. A frame without rows gives
        a panel without SKUs and days; a SKU without a row up to `until` stays, with no observed day.

    Raises:
        InvalidFrameError: a SKU has two rows of a day, or a price that is not a positive number.
    """
    import pandas as pd

    rows, names = pd.factorize(history[SKU])
    dates = history[DATE].to_numpy().astype("datetime64[D]")
    prices = history[PRICE].to_numpy(dtype=np.float64)
    quantities = history[QUANTITY].to_numpy(dtype=np.float64)
    _refuse(~(np.isfinite(prices) & (prices > 0)), "a price that is not a positive number", history)

    first_day = dates.min() if len(dates) else np.datetime64("1970-01-01", "D")
    columns = (dates - first_day).astype(np.int64)
    n_days = int(columns.max(initial=-1)) + 1
    _refuse(pd.Series(rows * n_days + columns).duplicated().to_numpy(), "a second row of the same day", history)
    if until is not None and len(dates):
        n_days = max(int((_as_day(until) - first_day).astype(int)) + 1, 0)
    kept = columns < n_days
    cells = rows[kept], columns[kept]

    observed = np.zeros((len(names), n_days), dtype=np.bool_)
    observed[cells] = True
    price = np.full(observed.shape, np.nan)
    price[cells] = prices[kept]
    quantity = np.zeros(observed.shape)
    quantity[cells] = np.where(np.isnan(quantities), 0.0, quantities)[kept]
    quantity[~np.logical_or.accumulate(observed, axis=1)] = np.nan
    return Panel(tuple(map(str, names)), first_day, _carried_forward(price, observed), quantity, observed)


def _as_day(day: Day) -> np.datetime64:
    return np.datetime64(np.array(day, dtype="datetime64[D]").item(), "D")


def _carried_forward(values: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The latest known value of each row and column; what comes before the first known one stays as it is."""
    columns = np.arange(values.shape[1])
    latest = np.maximum.accumulate(np.where(known, columns, 0), axis=1)
    return np.take_along_axis(values, latest, axis=1)


def _first_true(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    return mask.argmax(axis=1) if mask.shape[1] else np.zeros(len(mask), dtype=np.intp)


def _refuse(wrong: NDArray[np.bool_], what: str, history: "pd.DataFrame") -> None:
    if not wrong.any():
        return
    row = history.iloc[int(wrong.argmax())]
    raise InvalidFrameError(
        f"SKU {row[SKU]!r} has {what} on {row[DATE]:%Y-%m-%d} (price {row[PRICE]}); {int(wrong.sum())} such rows.",
        remedy="Clean the history before it is laid out (`pricecast ingest` does).",
    )
