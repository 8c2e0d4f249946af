"""Scores: what is said of a model, from its past forecasts on days it had not seen.

Belongs here: the numbers of `facts["metrics"]`. Not here: the formulas (`metrics`), and whether a model is good enough
(`promotion`).

`mape` and `wape` are in percent here, as people read them.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting import baselines, metrics
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.validation import Validation

ONE_STEP_DAYS: Final = 30


def score(validation: Validation, forecasts: NDArray[np.float64], history: Panel) -> dict[str, float | None]:
    """Score past forecasts of one SKU.

    Args:
        validation: where they were made from, and what happened.
        forecasts: (k, h) the model's, from each origin.
        history: the panel of this SKU alone.

    Returns:
        `rmse`, `mae`, `mape`: of the next day, over the last 30 days. `rmse_multi`, `mae_multi`, `wape`, `mase`, `rmsse`: of
        every day ahead from every origin. `ratio_to_best_simple`: RMSE over that of the best simple method on the same days;
        `best_simple`'s and the last value's own RMSE beside it. None where nothing can be said.
    """
    if not validation.observed.any():
        return dict.fromkeys((*_NAMES, *_SIMPLE_NAMES))
    recent = slice(-ONE_STEP_DAYS, None)
    counted = validation.observed[recent, 0]
    one_step = (validation.actual[recent, 0], forecasts[recent, 0], counted)
    pooled = (validation.actual.ravel(), forecasts.ravel(), validation.observed.ravel())
    first, stop = int(history.first[0]), int(validation.columns[0]) + 1
    naive_mae, naive_rmse = metrics.naive_errors(history.price[0, first:stop], history.observed[0, first:stop])
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
    simple = simple_errors(validation, history)
    best = min(simple.values())
    result = {name: _number(value) for name, value in zip(_NAMES, values, strict=True)}
    return result | {
        "rmse_best_simple": best,
        "rmse_last_value": simple["last value"],
        "ratio_to_best_simple": own / best if best > 0 else (1.0 if own == 0 else None),
        "ratio_to_last_value": own / simple["last value"] if simple["last value"] > 0 else (1.0 if own == 0 else None),
    }


def simple_errors(validation: Validation, history: Panel) -> dict[str, float]:
    """RMSE of every simple method from the same origins on the same days."""
    count, horizon_days = validation.observed.shape
    repeated = history.select([0] * count)
    errors = {}
    for name, method in baselines.SIMPLE_METHODS.items():
        forecasts = method(repeated, validation.columns, horizon_days)
        errors[name] = float(metrics.rmse(validation.actual.ravel(), forecasts.ravel(), validation.observed.ravel()))
    return errors


_NAMES: Final = ("rmse", "mae", "mape", "rmse_multi", "mae_multi", "wape", "mase", "rmsse")
_SIMPLE_NAMES: Final = ("rmse_best_simple", "rmse_last_value", "ratio_to_best_simple", "ratio_to_last_value")


def _number(value: NDArray[np.float64] | float) -> float | None:
    number = float(value)
    return number if np.isfinite(number) else None
