"""Origins: the days from which forecasts are made, and what is known there.

Belongs here: the state at an origin (last prices and quantities) and the days ahead of it. Not here: forecasting from it
(`members`). Nothing after an origin is ever read: an origin is a column of a panel, and everything is taken at or before it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.calendar import HolidayCalendar, calendar_features
from pricecast_dagster.forecasting.features import HISTORY_DAYS
from pricecast_dagster.forecasting.panel import Panel

WEEK: int = 7


@dataclass(frozen=True, eq=False)
class Origins:
    """A batch of origins, of one SKU or of many.

    Attributes:
        panel: the history.
        rows: (n,) the SKU of each origin, as a row of the panel.
        columns: (n,) the last known day of each origin, as a column of the panel.
        calendar: says which days ahead are special.
    """

    panel: Panel
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    calendar: HolidayCalendar

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def last(self) -> NDArray[np.float64]:
        """(n,) the last known price."""
        return np.asarray(self.panel.price[self.rows, self.columns])

    @cached_property
    def price_lags(self) -> NDArray[np.float64]:
        """(30, n), element k is the price k days before the origin; NaN before the panel."""
        return self._lags(self.panel.price)

    @cached_property
    def quantity_lags(self) -> NDArray[np.float64]:
        """(30, n), the same of the quantity."""
        return self._lags(self.panel.quantity)

    @cached_property
    def recent_range(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n,) lowest and highest price of the last 30 days."""
        return np.fmin.reduce(self.price_lags, axis=0), np.fmax.reduce(self.price_lags, axis=0)

    def expected_quantity(self, horizon_days: int) -> NDArray[np.float64]:
        """(n, h) the mean quantity of the same weekday in the last 28 days; 0 where nothing is known."""
        offsets = weekday_offsets(horizon_days)
        total = np.zeros((len(self), horizon_days))
        known = np.zeros((len(self), horizon_days))
        for week in range(4):
            quantity = self.quantity_lags[offsets + WEEK * week].T
            total += np.nan_to_num(quantity)
            known += ~np.isnan(quantity)
        return np.asarray(total / np.maximum(known, 1))

    def same_weekday_price(self, horizon_days: int) -> NDArray[np.float64]:
        """(n, h) the latest known price of the weekday of each day ahead."""
        return np.asarray(self.price_lags[weekday_offsets(horizon_days)].T)

    def days_ahead(self, horizon_days: int) -> NDArray[np.datetime64]:
        """(n, h) the days to be forecast."""
        return np.asarray(self.panel.first_day + self.columns[:, None] + 1 + np.arange(horizon_days))

    def calendar_ahead(self, horizon_days: int) -> NDArray[np.float64]:
        """(n, h, 11) the calendar features of the days to be forecast."""
        first = int(self.columns.min()) + 1
        stop = int(self.columns.max()) + 1 + horizon_days
        rows = calendar_features(self.panel.first_day + np.arange(first, stop), self.calendar)
        return np.asarray(rows[self.columns[:, None] + 1 - first + np.arange(horizon_days)])

    def _lags(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        columns = self.columns - np.arange(HISTORY_DAYS)[:, None]
        return np.where(columns >= 0, values[self.rows, np.maximum(columns, 0)], np.nan)


def weekday_offsets(horizon_days: int) -> NDArray[np.intp]:
    """(h,) how many days before an origin the weekday of each day ahead was last seen, 0 to 6."""
    ahead = np.arange(1, horizon_days + 1)
    return (-ahead) % WEEK


def trailing_mean(price_lags: NDArray[np.float64], days: int) -> NDArray[np.float64]:
    """(n,) mean of the last `days` known prices of each origin, of fewer where the history is shorter.

    Sums are of differences to the last price, lag by lag, so that equal prices have exactly their own mean.
    """
    total = np.zeros_like(price_lags[0])
    known = np.zeros_like(price_lags[0])
    for lag in price_lags[:days]:
        total += np.nan_to_num(lag - price_lags[0])
        known += ~np.isnan(lag)
    return np.asarray(price_lags[0] + total / np.maximum(known, 1))
