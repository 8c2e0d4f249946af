"""Scores of one SKU from lists of (actual, predicted) pairs of the days that count, in plain Python."""

from collections.abc import Sequence
from math import nan, sqrt

Pairs = Sequence[tuple[float, float]]


def scores(pairs: Pairs) -> dict[str, float]:
    """Name of the metric -> score; NaN where there is no day or nothing to divide by."""
    errors = [predicted - actual for actual, predicted in pairs]
    n = len(errors)
    total = sum(abs(actual) for actual, _ in pairs)
    return {
        "rmse": sqrt(sum(error**2 for error in errors) / n) if n else nan,
        "mae": sum(abs(error) for error in errors) / n if n else nan,
        "bias": sum(errors) / n if n else nan,
        "mape": sum(abs(p - a) / abs(a) for a, p in pairs) / n if n and all(a for a, _ in pairs) else nan,
        "wape": sum(abs(error) for error in errors) / total if total else nan,
    }
