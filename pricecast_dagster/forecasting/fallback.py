"""The fallback: what answers for a SKU without a usable model, and the bands around it.

Belongs here: the simple methods' forecast with bands of its own past. Not here: the ladder of simple methods itself
(`baselines`), who has no model (`stages.forecast`).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.baselines import ladder, moving_average
from pricecast_dagster.forecasting.ensemble import NOISY_FROM_CHANGES
from pricecast_dagster.forecasting.forecasts import Forecasts
from pricecast_dagster.forecasting.intervals import reaches
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.past_errors import Errors, recent_spread, sides
from pricecast_dagster.forecasting.recipe import Kind
from pricecast_dagster.forecasting.standing import prices_before
from pricecast_dagster.forecasting.validation import CUT_STEP_DAYS, VALIDATED_DAYS
from pricecast_dagster.schemas import LEVELS

_BLOCKS: Final = 3
"""Fortnights of past origins that bands are made of."""


def fallback(panel: Panel, horizon_days: int, *, at_end: bool = False) -> Forecasts:
    """Forecast SKUs without a usable model by the ladder of simple methods.

    The origin is each SKU's own last observed day, or with `at_end` the panel's last day, as in `model.forecast`.
    Bands come from what the 7-day mean was off by at past origins of the SKU, as far as it has any, and from other products'
    errors.
    """
    answer = ladder(panel, horizon_days)
    known = [position for position, name in enumerate(answer.model_used) if name is not None]
    chosen = panel.select(known)
    ends = [_reaches(chosen.select([position]), horizon_days) for position in range(chosen.n_skus)]
    return Forecasts.around(
        skus=chosen.skus,
        origins=panel.first_day + (np.full(len(known), panel.n_days - 1) if at_end else chosen.last),
        price=answer.price[known],
        reaches=np.array(ends).reshape(-1, len(LEVELS), 2, horizon_days),
        model_used=tuple(name for name in answer.model_used if name is not None),
        refused=answer.errors,
    )


def _reaches(history: Panel, horizon_days: int) -> NDArray[np.float64]:
    first, last = int(history.first[0]), int(history.last[0])
    columns = np.arange(max(first + 6, last - _BLOCKS * CUT_STEP_DAYS), last)
    ahead = columns[:, None] + 1 + np.arange(VALIDATED_DAYS)
    inside = ahead <= last
    ahead = np.minimum(ahead, last)
    counted = inside & history.observed[0, ahead]
    answers = moving_average(history.select([0] * len(columns)), columns, VALIDATED_DAYS)
    errors = np.where(counted, answers - history.price[0, ahead], np.nan)
    prices = history.price[0, history.observed[0]]
    changes = float(np.mean(prices[1:] != prices[:-1])) if len(prices) > 1 else 0.0
    kind = Kind.NOISY if changes >= NOISY_FROM_CHANGES else Kind.STICKY
    block = np.arange(len(columns)) // CUT_STEP_DAYS
    side = sides(history.price[0], prices_before(history)[0])
    past = Errors(errors, block, side[columns], kind, recent_spread(prices))
    return np.asarray(reaches(past, horizon_days)[side[last]])
