"""Served: how far forecasts were off that were handed out, now that the days they were for are known.

Belongs here: scores of many SKUs in one pass over flat arrays, and the daily errors that shifts are looked for in. Not here:
scores of a model's rehearsals (`scores`), which forecasts were served (`storage.forecasts`), what follows (`policy`, `shift`).

A day has up to fourteen forecasts, one from each origin before it; each is scored, and beside it the naive forecast from the same
origin: the last price known there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

ALL_HORIZONS: Final = 0
MEASURES: Final = ("mae", "rmse", "wape", "scaled", "naive_mae", "bias", "coverage_80", "coverage_95")


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """Forecasts whose day is known by now; n of them, of any SKUs, in any order within a SKU.

    Attributes:
        sku: (n,) number of the SKU; day: (n,) the day forecast, as days since any beginning; horizon: (n,) days ahead, from 1.
        price, lower_80, upper_80, lower_95, upper_95: (n,) what was forecast, price units.
        actual: (n,) what happened; last: (n,) the last price known at the origin.
    """

    sku: NDArray[np.intp]
    day: NDArray[np.int64]
    horizon: NDArray[np.int64]
    price: Values
    lower_80: Values
    upper_80: Values
    lower_95: Values
    upper_95: Values
    actual: Values
    last: Values


@dataclass(frozen=True, slots=True, eq=False)
class ServedScores:
    """Scores of some SKUs; s SKUs, w windows, h days ahead.

    Attributes:
        forecasts: (s, w, h + 1) how many forecasts were scored; days: (s, w, h + 1) of how many days.
        measures: (s, w, h + 1) each of MEASURES, element 0 of the last axis for all days ahead together; NaN where nothing was
            forecast. `scaled` is 1 where both were exactly right, NaN where the naive one alone was.
    """

    forecasts: NDArray[np.int64]
    days: NDArray[np.int64]
    measures: dict[str, Values]


def score(served: Served, until: NDArray[np.int64], windows: Sequence[int], horizon_days: int) -> ServedScores:
    """Score the forecasts of the last days of each SKU.

    Args:
        served: forecasts whose day is known.
        until: (s,) the last day of each SKU that counts, in the same days as `served.day`.
        windows: how many days are looked back on from there, of each window.
        horizon_days: forecasts further ahead are left out.
    """
    shape = (len(until), len(windows), horizon_days + 1)
    error = served.price - served.actual
    parts = {
        "absolute": np.abs(error),
        "squared": error * error,
        "error": error,
        "actual": np.abs(served.actual),
        "naive": np.abs(served.last - served.actual),
        "in_80": ((served.lower_80 <= served.actual) & (served.actual <= served.upper_80)).astype(np.float64),
        "in_95": ((served.lower_95 <= served.actual) & (served.actual <= served.upper_95)).astype(np.float64),
    }
    counts = np.zeros(shape, dtype=np.int64)
    days = np.zeros(shape, dtype=np.int64)
    sums = {name: np.zeros(shape) for name in parts}
    age = until[served.sku] - served.day
    for position, window in enumerate(windows):
        chosen = np.flatnonzero((age >= 0) & (age < window) & (served.horizon <= horizon_days))
        cell = served.sku[chosen] * (horizon_days + 1) + served.horizon[chosen]
        counts[:, position] = _summed(cell, np.ones(len(chosen)), shape).astype(np.int64)
        days[:, position, 1:] = counts[:, position, 1:]
        pairs = np.unique(served.sku[chosen] * np.int64(window) + age[chosen])
        days[:, position, ALL_HORIZONS] = np.bincount(pairs // window, minlength=shape[0])
        for name, values in parts.items():
            sums[name][:, position] = _summed(cell, values[chosen], shape)
    return ServedScores(counts, days, _measures(counts, sums))


def daily_errors(served: Served, n_skus: int, until: int, days: int) -> Values:
    """(n_skus, days) actual less the mean of all forecasts of that day, up to a last day; NaN where there were none.

    After a price has moved for good this stays off until the origins before the move are a fortnight away; after a day's
    freak it is back the next day.
    """
    age = until - served.day
    chosen = (age >= 0) & (age < days)
    cell = served.sku[chosen] * days + (days - 1 - age[chosen])
    count = np.bincount(cell, minlength=n_skus * days)
    total = np.bincount(cell, weights=(served.actual - served.price)[chosen], minlength=n_skus * days)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).reshape(n_skus, days)


def _summed(cell: NDArray[np.int64], values: Values, shape: tuple[int, int, int]) -> Values:
    """(s, h + 1) sums by SKU and days ahead, those of all days ahead in element 0."""
    sums: Values = np.bincount(cell, weights=values, minlength=shape[0] * shape[2]).astype(np.float64).reshape(-1, shape[2])
    # One horizon after the other: numpy's own sum over an axis rounds by memory layout, hence by batch.
    sums[:, ALL_HORIZONS] = np.add.accumulate(sums[:, 1:], axis=1)[:, -1]
    return sums


def _measures(counts: NDArray[np.int64], sums: dict[str, Values]) -> dict[str, Values]:
    some = np.where(counts > 0, counts, np.nan)
    own, naive = sums["absolute"] / some, sums["naive"] / some
    both_exact = (own == 0) & (naive == 0)
    return {
        "mae": own,
        "rmse": np.sqrt(sums["squared"] / some),
        "wape": own / np.where(sums["actual"] > 0, sums["actual"] / some, np.nan),
        "scaled": np.where(both_exact, 1.0, own / np.where(naive > 0, naive, np.nan)),
        "naive_mae": naive,
        "bias": sums["error"] / some,
        "coverage_80": sums["in_80"] / some,
        "coverage_95": sums["in_95"] / some,
    }
