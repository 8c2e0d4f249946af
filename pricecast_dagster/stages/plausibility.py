"""Plausibility: what a schema cannot say of one SKU: whether its rows, features and forecast look like those of a product.

Belongs here: rules over one SKU's frame, each a `Check` with what was found, where, and the next step. Not here: what must hold
of a frame (`schemas`), what is done about it (nothing: these are warnings, but for features that are not what they are called).
"""

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from pricecast_dagster.schemas import DATE, LOWER_95, PRICE, QUANTITY, UPPER_95
from pricecast_dagster.stages.outcome import Check

if TYPE_CHECKING:
    import pandas as pd

LARGEST_STEP: Final = 5.0
"""A price this many times the one before it, or this fraction of it, is more often a slip than a decision."""

LARGEST_GAP_SHARE: Final = 0.5
"""With fewer days than this a model learns mostly what was carried forward."""

RANGE_DAYS: Final = 90
RANGE_FACTOR: Final = 2.0
"""A forecast beyond this many times the highest, or under this fraction of the lowest price of the last RANGE_DAYS rows."""

ROUNDING: Final = 1e-6
"""Sums of a window in another order differ in their last digits."""


def history_plausible(rows: "pd.DataFrame") -> Check:
    """Whether the prices move as prices do, on most of the days."""
    price, days = rows[PRICE].to_numpy(), rows[DATE].to_numpy().astype("datetime64[D]")
    steps = price[1:] / price[:-1]
    odd = np.flatnonzero((steps > LARGEST_STEP) | (steps < 1 / LARGEST_STEP))
    span = int((days[-1] - days[0]).astype(int)) + 1
    share = 1 - len(days) / span
    found = []
    if len(odd):
        worst = odd[np.argmax(np.abs(np.log(steps[odd])))]
        found.append(
            f"{len(odd)} steps of more than {LARGEST_STEP:g} times, the largest on {days[worst + 1]}: "
            f"{price[worst]:g} to {price[worst + 1]:g}"
        )
    if share > LARGEST_GAP_SHARE:
        found.append(f"{span - len(days)} of {span} days have no price ({share:.0%})")
    told = f"{'; '.join(found)}. Correct the rows in the source if that is a slip." if found else "prices move as prices do"
    return Check("history_plausible", not found, told, blocking=False, quiet=True)


def features_recomputed(table: "pd.DataFrame") -> Check:
    """Whether a sample of days agrees with features made again, one by one and from their definition.

    Args:
        table: the feature table of one SKU.
    """
    # Plain lists and floats: on a handful of numbers they are eight times as fast as numpy.
    price, quantity = table[PRICE].tolist(), table[QUANTITY].tolist()
    days = table[DATE].to_numpy().astype("datetime64[D]")
    wrong = []
    for row in sorted({len(table) - 1, len(table) // 2, min(len(table) - 1, 31)}):
        stored = table.iloc[row]
        for name, expected in _by_definition(price[:row], quantity[:row], int(days[row].astype(int))).items():
            slack = ROUNDING * max(quantity[max(0, row - 30) : row], default=0.0) if name.startswith(QUANTITY) else 0.0
            if not math.isclose(float(stored[name]), expected, rel_tol=ROUNDING, abs_tol=slack):
                wrong.append(f"{name} on {days[row]} is {stored[name]:g}, made again it is {expected:g}")
    told = f"{'; '.join(wrong[:3])}. This is a fault of pricecast: please report it." if wrong else "a sample of days agrees"
    return Check("features_recomputed", not wrong, told, blocking=False, quiet=True)


def _by_definition(price: list[float], quantity: list[float], day: int) -> dict[str, float]:
    """Some features of a day from all days before it, as one would explain them; those whose window is full.

    Args:
        day: counted from 1970-01-01, a Thursday.
    """
    weekday = (day + 3) % 7
    features = {"day_of_week": float(weekday), "is_weekend": float(weekday >= 5)}
    for lag in (1, 7, 30):
        if len(price) >= lag:
            features[f"price_lag_{lag}"] = price[-lag]
            features[f"quantity_lag_{lag}"] = quantity[-lag]
    for window in (7, 30):
        if len(price) >= window:
            features[f"price_rolling_mean_{window}"] = sum(price[-window:]) / window
            features[f"price_rolling_min_{window}"] = min(price[-window:])
            features[f"price_rolling_max_{window}"] = max(price[-window:])
            features[f"quantity_rolling_sum_{window}"] = sum(quantity[-window:])
    return features


def forecast_plausible(answer: "pd.DataFrame", rows: "pd.DataFrame") -> Check:
    """Whether the forecast stays near what the product cost lately."""
    recent = rows[PRICE].to_numpy()[-RANGE_DAYS:]
    lowest, highest = recent.min() / RANGE_FACTOR, recent.max() * RANGE_FACTOR
    price, days = answer[PRICE].to_numpy(), answer[DATE].to_numpy().astype("datetime64[D]")
    outside = np.flatnonzero((price < lowest) | (price > highest))
    if len(outside):
        first = outside[0]
        told = (
            f"{len(outside)} of {len(price)} days are outside {lowest:.4g} to {highest:.4g}, first {days[first]} with "
            f"{price[first]:.4g}. `pricecast models rollback SKU` goes back to the model before."
        )
        return Check("forecast_plausible", False, told, blocking=False, quiet=True)
    width = float((answer[UPPER_95] - answer[LOWER_95]).max())
    told = f"inside {lowest:.4g} to {highest:.4g}; the widest 95 % band is {width:.4g}"
    return Check("forecast_plausible", True, told, blocking=False, quiet=True)
