"""Backtest: what would have been forecast at past origins, and how that compares with the simple methods.

Belongs here: one SKU from one origin. Not here: choosing origins (`splits`), the tables of a comparison (`comparison`), reading a
source, going from origin to origin and spreading the work over processes (`operations.evaluation`, `operations.replay`).

The history is cut at the origin before anything sees it: nothing after it can reach training, tuning, weights or bands.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from pricecast_dagster.errors import SkuTooShortError
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.fallback import fallback
from pricecast_dagster.forecasting.forecasts import Forecasts
from pricecast_dagster.forecasting.model import MINIMUM_HISTORY_DAYS, forecast, train
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.recipe import Recipe
from pricecast_dagster.forecasting.tuning import TuningPlan
from pricecast_dagster.schemas import HORIZON, ORIGIN, SKU

if TYPE_CHECKING:
    import pandas as pd

    from pricecast_dagster.forecasting.pooled import Pooled


def backtest(
    history: Panel,
    calendar: HolidayCalendar,
    origin: np.datetime64,
    horizon_days: int,
    *,
    tuning: TuningPlan | None,
    seed: int,
    recipe: Recipe | None = None,
    minimum_history_days: int = MINIMUM_HISTORY_DAYS,
    pooled: "Pooled | None" = None,
) -> Forecasts:
    """Train one SKU on what was known at an origin, and forecast from there.

    Args:
        history: the panel of this SKU alone, whole; it is cut here.
        calendar: says which days are special.
        origin: the last day that is known.
        horizon_days: 1 to 60.
        tuning: None trains the recipe as it is.
        seed: of everything random.
        recipe: None means the default.
        minimum_history_days: under this a simple method answers, as it would in use.
        pooled: what all products together had taught by the origin, where the recipe asks for it.

    Returns:
        The forecast of the days after the origin; without SKUs where there was no price up to the origin.

    Raises:
        TrainingError: a member cannot be fitted.
    """
    known = history.until(origin)
    try:
        model = train(
            known,
            calendar,
            tuning=tuning,
            recipe=recipe,
            seed=seed,
            minimum_history_days=minimum_history_days,
            pooled=pooled,
        )
    except SkuTooShortError:
        return fallback(known, horizon_days, at_end=True)
    return forecast([model], known, calendar, horizon_days, at_end=True)


def backtest_frame(results: Iterable[Forecasts]) -> "pd.DataFrame":
    """The rows of many backtests, of schemas.BACKTEST_COLUMNS, sorted by SKU, origin and day."""
    import pandas as pd

    frame = pd.concat([result.to_frame() for result in results], ignore_index=True)
    return frame.sort_values([SKU, ORIGIN, HORIZON], ignore_index=True)
