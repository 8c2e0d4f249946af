"""Metrics: how far forecasts were from what happened.

Belongs here: pure functions of arrays. Not here: which days are compared (`splits`, `backtest`) and what follows from a
score (`promotion`, `drift`).

All take arrays (..., days) and `counted` (..., days), the days that count (those observed); they answer (...) scores.
Prices are in the source's currency, shares are in 0 .. 1 (a MAPE of 0.07 is 7 %). A score whose denominator is 0, or of
which no day counts, is NaN: there is nothing to say, which is neither good nor bad. Values on days that do not count
may be NaN.
"""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]


def rmse(actual: Values, predicted: Values, counted: Mask) -> Values:
    """Root mean squared error, in price units."""
    error = predicted - actual
    return np.sqrt(_mean(error * error, counted))


def mae(actual: Values, predicted: Values, counted: Mask) -> Values:
    """Mean absolute error, in price units."""
    return _mean(np.abs(predicted - actual), counted)


def bias(actual: Values, predicted: Values, counted: Mask) -> Values:
    """Mean of predicted less actual, in price units; positive where forecasts are too high."""
    return _mean(predicted - actual, counted)


def mape(actual: Values, predicted: Values, counted: Mask) -> Values:
    """Mean absolute error as a share of the actual price, day by day; NaN where an actual price is 0."""
    return _mean(_ratio(np.abs(predicted - actual), np.abs(actual)), counted)


def wape(actual: Values, predicted: Values, counted: Mask) -> Values:
    """Summed absolute error as a share of the summed actual prices."""
    return _ratio(_total(np.abs(predicted - actual), counted), _total(np.abs(actual), counted))


def mase(actual: Values, predicted: Values, counted: Mask, naive_mae: Values) -> Values:
    """Mean absolute scaled error (Hyndman and Koehler 2006); NaN for a price that never moved.

    Args:
        actual: prices.
        predicted: forecasts.
        counted: days.
        naive_mae: (...) what the last value is off by from one day to the next, in the history: `naive_errors`.
    """
    return _ratio(mae(actual, predicted, counted), naive_mae)


def rmsse(actual: Values, predicted: Values, counted: Mask, naive_rmse: Values) -> Values:
    """Root mean squared scaled error, as in the M5 competition; NaN for a price that never moved.

    Args:
        actual: prices.
        predicted: forecasts.
        counted: days.
        naive_rmse: (...) as `naive_mae` of `mase`, root mean squared.
    """
    return _ratio(rmse(actual, predicted, counted), naive_rmse)


def naive_errors(history: Values, counted: Mask) -> tuple[Values, Values]:
    """The scales of `mase` and `rmsse`: MAE and RMSE of "the same as the day before" within a history.

    Args:
        history: (..., days) prices up to the origin, carried forward over days without one.
        counted: (..., days) the observed days. The first of them has no day before and does not count.
    """
    before, after = history[..., :-1], history[..., 1:]
    judged = counted[..., 1:] & np.isfinite(before)
    return mae(after, before, judged), rmse(after, before, judged)


def coverage(actual: Values, lower: Values, upper: Values, counted: Mask) -> Values:
    """Share of days whose price lay within the band, its ends included."""
    return _mean(((lower <= actual) & (actual <= upper)).astype(np.float64), counted)


def winkler(actual: Values, lower: Values, upper: Values, counted: Mask, *, level: float) -> Values:
    """Mean interval score (Winkler 1972, Gneiting and Raftery 2007), in price units, lower is better.

    The width of the band, and for each price outside it the distance times 2 / (1 - level).

    Raises:
        ValueError: the level is not within 0 .. 1, such as 0.8.
    """
    if not 0 < level < 1:
        raise ValueError(f"a level lies between 0 and 1, such as 0.8; got {level}")
    outside = np.maximum(lower - actual, 0.0) + np.maximum(actual - upper, 0.0)
    return _mean(upper - lower + 2.0 / (1.0 - level) * outside, counted)


def pinball(actual: Values, quantile: Values, counted: Mask, *, probability: float) -> Values:
    """Mean quantile loss (Koenker and Bassett 1978) of a forecast quantile, in price units, lower is better.

    Raises:
        ValueError: the probability is not within 0 .. 1.
    """
    if not 0 < probability < 1:
        raise ValueError(f"a probability lies between 0 and 1, such as 0.9; got {probability}")
    above = actual - quantile
    return _mean(np.maximum(probability * above, (probability - 1.0) * above), counted)


def _total(values: Values, counted: Mask) -> Values:
    """Sum over the days that count, day by day: numpy's own sum rounds by memory layout, hence by batch."""
    taken = np.where(counted, values, 0.0)
    if not taken.shape[-1]:
        return np.zeros(taken.shape[:-1])
    # A copy, for a view would keep the running sums alive.
    return np.add.accumulate(taken, axis=-1)[..., -1].copy()


def _mean(values: Values, counted: Mask) -> Values:
    return _ratio(_total(values, counted), np.broadcast_to(counted, values.shape).sum(axis=-1).astype(np.float64))


def _ratio(numerator: Values, denominator: Values) -> Values:
    """NaN where the denominator is 0."""
    usable = denominator != 0
    return np.where(usable, numerator, np.nan) / np.where(usable, denominator, 1.0)
