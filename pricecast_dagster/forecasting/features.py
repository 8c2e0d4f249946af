"""The 45 features of a day, all known before its price is.

Belongs here: lags, rolling windows and what is derived from them, for training (`feature_cube`) and for a step of a
recursive forecast (`feature_rows`); both go through the same lines. Not here: the calendar features (`calendar`).

Invariants:
    - A row of day t depends on days before t and on the calendar only.
    - A row's bytes do not depend on the other rows computed with it: everything is accumulated lag by lag, elementwise.
    - A feature is NaN exactly while its window reaches before the SKU's first observed day.
    - Equal prices have exactly their own mean, and a standard deviation of exactly 0.

Days that were carried forward count as days of a window; quantity is 0 on them. Standard deviations are the sample's
(divided by the window less one), as pandas' rolling windows have them.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.calendar import HolidayCalendar, calendar_features
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.schemas import CALENDAR_FEATURES, FEATURE_COLUMNS, LAGS, PRICE, QUANTITY, WINDOWS

HISTORY_DAYS: Final = max(*LAGS, *WINDOWS)
"""How many days before a row its features reach."""

_COLUMN: Final = {name: position for position, name in enumerate(FEATURE_COLUMNS)}
_N_CALENDAR: Final = len(CALENDAR_FEATURES)

# Rows worked on together, so that 30 lags and their sums stay in a core's cache. 200 SKUs x 365 days: 21 ms in such
# blocks, 29 ms at once, 64 ms in blocks of 256.
_BLOCK_ROWS: Final = 8192


def feature_rows(
    price_lags: Sequence[NDArray[np.float64]] | NDArray[np.float64],
    quantity_lags: Sequence[NDArray[np.float64]] | NDArray[np.float64],
    calendar_rows: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The features of some rows from the 30 days before each; rows may be of any SKUs and days.

    Args:
        price_lags: 30 arrays (rows,); element k is the price k+1 days before the row's day, NaN where unknown.
        quantity_lags: the same of the quantity.
        calendar_rows: (rows, 11), see `calendar.calendar_features`.

    Returns:
        (rows, 45) in the order of schemas.FEATURE_COLUMNS.

    Raises:
        ValueError: not 30 lags.
    """
    for lags in (price_lags, quantity_lags):
        if len(lags) != HISTORY_DAYS:
            raise ValueError(f"features need the {HISTORY_DAYS} days before a row, got {len(lags)}")
    rows = np.empty((len(calendar_rows), len(FEATURE_COLUMNS)))
    _fill(rows, price_lags, quantity_lags, calendar_rows)
    return rows


def feature_cube(panel: Panel, calendar: HolidayCalendar) -> NDArray[np.float64]:
    """The features of every SKU and day of a panel.

    Returns:
        (n_skus, n_days, 45) in the order of schemas.FEATURE_COLUMNS; days before a SKU's first observed one have only
        calendar features.
    """
    cube = np.empty((panel.n_skus, panel.n_days, len(FEATURE_COLUMNS)))
    calendar_rows = calendar_features(panel.days, calendar)
    step = max(1, _BLOCK_ROWS // max(panel.n_days, 1))
    for start in range(0, panel.n_skus, step):
        block = slice(start, start + step)
        _fill(cube[block], _lags(panel.price[block]), _lags(panel.quantity[block]), calendar_rows)
    return cube


def _lags(values: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Element k is the values of k+1 columns before, NaN before the first column; views of one array."""
    n_days = values.shape[1]
    padded = np.concatenate([np.full((len(values), HISTORY_DAYS), np.nan), values], axis=1)
    return [padded[:, HISTORY_DAYS - lag : HISTORY_DAYS - lag + n_days] for lag in range(1, HISTORY_DAYS + 1)]


def _fill(
    out: NDArray[np.float64],
    price_lags: Sequence[NDArray[np.float64]] | NDArray[np.float64],
    quantity_lags: Sequence[NDArray[np.float64]] | NDArray[np.float64],
    calendar_rows: NDArray[np.float64],
) -> None:
    """Write features into `out` (..., 45), the lags being (...) each."""
    out[..., :_N_CALENDAR] = calendar_rows
    for name, lags in ((PRICE, price_lags), (QUANTITY, quantity_lags)):
        for lag in LAGS:
            out[..., _COLUMN[f"{name}_lag_{lag}"]] = lags[lag - 1]
        for window, (mean, deviation) in _means_and_deviations(lags).items():
            out[..., _COLUMN[f"{name}_rolling_mean_{window}"]] = mean
            out[..., _COLUMN[f"{name}_rolling_std_{window}"]] = deviation
    for window, (lowest, highest) in _extremes(price_lags).items():
        out[..., _COLUMN[f"price_rolling_min_{window}"]] = lowest
        out[..., _COLUMN[f"price_rolling_max_{window}"]] = highest
    for window, total in _sums(quantity_lags).items():
        out[..., _COLUMN[f"quantity_rolling_sum_{window}"]] = total
    mean_7 = out[..., _COLUMN["price_rolling_mean_7"]]
    # Only a forecast can be 0 for a week, and then it has no ratio: NaN.
    with np.errstate(divide="ignore", invalid="ignore"):
        out[..., _COLUMN["price_vs_ma7"]] = price_lags[0] / mean_7
        out[..., _COLUMN["price_vs_ma30"]] = price_lags[0] / out[..., _COLUMN["price_rolling_mean_30"]]
        out[..., _COLUMN["price_volatility_7"]] = out[..., _COLUMN["price_rolling_std_7"]] / mean_7


def _means_and_deviations(
    lags: Sequence[NDArray[np.float64]] | NDArray[np.float64],
) -> dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Window -> mean and sample standard deviation.

    Sums are of differences to the last value, so that tiny moves of large prices keep their digits; then a second pass
    over the differences to the mean (Chan, Golub and LeVeque 1983, two-pass algorithm with shifted data).
    """
    last = np.asarray(lags[0])
    differences = [np.asarray(lag) - last for lag in lags]
    results = {}
    total = np.zeros_like(last)
    done = 0
    for window in WINDOWS:
        for difference in differences[done:window]:
            total += difference
        done = window
        centre = total / window
        squares = np.zeros_like(last)
        for difference in differences[:window]:
            off_centre = difference - centre
            squares += off_centre * off_centre
        results[window] = (last + centre, np.sqrt(squares / (window - 1)))
    return results


def _extremes(
    lags: Sequence[NDArray[np.float64]] | NDArray[np.float64],
) -> dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Window -> lowest and highest value."""
    lowest = np.array(lags[0])
    highest = np.array(lags[0])
    results = {}
    for days, lag in enumerate(lags, start=1):
        np.minimum(lowest, lag, out=lowest)
        np.maximum(highest, lag, out=highest)
        if days in WINDOWS:
            results[days] = (lowest.copy(), highest.copy())
    return results


def _sums(lags: Sequence[NDArray[np.float64]] | NDArray[np.float64]) -> dict[int, NDArray[np.float64]]:
    """Window -> sum."""
    total = np.zeros_like(np.asarray(lags[0]))
    results = {}
    for days, lag in enumerate(lags, start=1):
        total += lag
        if days in WINDOWS:
            results[days] = total.copy()
    return results
