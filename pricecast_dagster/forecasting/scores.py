"""Scores: what is said of a model, from its past forecasts on days it had not seen.

Belongs here: the numbers of `facts["metrics"]`. Not here: the formulas (`metrics`), and whether a model is good enough
(`promotion`).

`mape` and `wape` are in percent here, as people read them.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting import baselines, metrics
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.validation import Rehearsal, Track

ONE_STEP_DAYS: Final = 30

LAST_VALUE: Final = "last_value"
"""What the last price is called among the members."""


@dataclass(frozen=True, eq=False)
class Past:
    """Past forecasts of one SKU's model, and what happened.

    Attributes:
        columns: (k,) origins, as columns of the history, ascending.
        forecasts: (k, h); actual: (k, h) prices; counted: (k, h) whether that day was observed.
    """

    columns: NDArray[np.intp]
    forecasts: NDArray[np.float64]
    actual: NDArray[np.float64]
    counted: NDArray[np.bool_]

    @property
    def errors(self) -> NDArray[np.float64]:
        """(k, h) forecast less actual, NaN on days that do not count."""
        return np.where(self.counted, self.forecasts - self.actual, np.nan)


def score(past: Past, history: Panel) -> dict[str, float | None]:
    """Score past forecasts of one SKU.

    Args:
        past: forecasts on days the model had not seen.
        history: the panel of this SKU alone.

    Returns:
        `rmse`, `mae`, `mape`: of the next day, over the last 30 days. `rmse_multi`, `mae_multi`, `wape`, `mase`, `rmsse`: of
        every day ahead from every origin. `rmse_best_simple`, `rmse_last_value`: of simple methods on the same days, and the
        ratio of `rmse_multi` to each. None where nothing can be said.
    """
    if not past.counted.any():
        return dict.fromkeys((*_NAMES, *_SIMPLE_NAMES))
    recent = slice(-ONE_STEP_DAYS, None)
    one_step = (past.actual[recent, 0], past.forecasts[recent, 0], past.counted[recent, 0])
    pooled = (past.actual.ravel(), past.forecasts.ravel(), past.counted.ravel())
    known = slice(int(history.first[0]), int(past.columns[0]) + 1)
    naive_mae, naive_rmse = metrics.naive_errors(history.price[0, known], history.observed[0, known])
    values = (
        metrics.rmse(*one_step),
        metrics.mae(*one_step),
        100 * metrics.mape(*one_step),
        metrics.rmse(*pooled),
        metrics.mae(*pooled),
        100 * metrics.wape(*pooled),
        metrics.mase(*pooled, naive_mae=naive_mae),
        metrics.rmsse(*pooled, naive_rmse=naive_rmse),
    )
    own = float(metrics.rmse(*pooled))
    simple = _simple_errors(past, history)
    best = min(simple.values())
    ratios = (best, simple["last value"], _ratio(own, best), _ratio(own, simple["last value"]))
    numbers = (*map(float, values), *ratios)
    return {name: _number(number) for name, number in zip((*_NAMES, *_SIMPLE_NAMES), numbers, strict=True)}


def member_errors(track: Track, rehearsal: Rehearsal) -> dict[str, float | None]:
    """RMSE of every member at the rehearsed origins, in price units, the last price as `LAST_VALUE`."""
    counted = track.counted[rehearsal.columns]
    actual = track.actual[rehearsal.columns].ravel()
    last = np.broadcast_to(track.last[rehearsal.columns][:, None], counted.shape)
    answers = {LAST_VALUE: last}
    answers |= dict(zip(track.rules, track.forecasts[:, rehearsal.columns], strict=True))
    answers |= dict(zip(rehearsal.learners, rehearsal.forecasts, strict=True))
    return {name: _number(float(metrics.rmse(actual, answer.ravel(), counted.ravel()))) for name, answer in answers.items()}


def _simple_errors(past: Past, history: Panel) -> dict[str, float]:
    """RMSE of every simple method from the same origins on the same days."""
    count, horizon_days = past.counted.shape
    repeated = history.select([0] * count)
    return {
        name: float(metrics.rmse(past.actual.ravel(), method(repeated, past.columns, horizon_days).ravel(), past.counted.ravel()))
        for name, method in baselines.SIMPLE_METHODS.items()
    }


def _ratio(own: float, other: float) -> float:
    """Own error over another's; two exact forecasts are equally good."""
    return own / other if other > 0 else (1.0 if own == 0 else float("nan"))


_NAMES: Final = ("rmse", "mae", "mape", "rmse_multi", "mae_multi", "wape", "mase", "rmsse")
_SIMPLE_NAMES: Final = ("rmse_best_simple", "rmse_last_value", "ratio_to_best_simple", "ratio_to_last_value")


def _number(number: float) -> float | None:
    return number if np.isfinite(number) else None
