"""Explaining: what each feature adds to a forecast, day by day.

Belongs here: the shares of the boosting members, in price units. Not here: the members, and showing it.

SHAP values of trees (Lundberg and others, "Consistent Individualized Feature Attribution for Tree Ensembles", 2018), as LightGBM
computes them. They add up: a member's answer is its mean plus its features' shares, and the forecast is a weighted sum.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting import booster
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.members.roster import MEMBERS
from pricecast_dagster.forecasting.model import Model, forecast
from pricecast_dagster.forecasting.origins import Origins
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.schemas import FEATURE_COLUMNS

NAMES = (*FEATURE_COLUMNS, "days_ahead", "weekday_price")
"""The features of a direct member; the autoregressive one has the first 45 of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """A forecast of one SKU taken apart; h days ahead, k features of NAMES.

    Attributes:
        price: (h,) as forecast.
        effects: (h, k) what each feature adds, price units.
        values: (h, k) the features, as the last member that has them saw them; NaN where none has.
        base: (h,) price minus all effects: the level, the rules' answer, and being snapped to the last price.
    """

    price: NDArray[np.float64]
    effects: NDArray[np.float64]
    values: NDArray[np.float64]
    base: NDArray[np.float64]


def explain(model: Model, history: Panel, calendar: HolidayCalendar, horizon_days: int) -> Explanation:
    """Take a forecast apart.

    Args:
        model: of the SKU; history: the panel of this SKU alone.
        calendar: says which days ahead are special.
        horizon_days: 1 to 60.

    Raises:
        ForecastError: the horizon is not within 1 to 60.
    """
    price = forecast([model], history, calendar, horizon_days).price[0]
    origins = Origins(history, np.zeros(1, dtype=np.intp), history.last[:1], calendar)
    effects = np.zeros((horizon_days, len(NAMES)))
    values = np.full((horizon_days, len(NAMES)), np.nan)
    for name, weight in model.blend.weights.items():
        fitted = model.fitted(name) if name in model.facts["members"] else None
        if fitted is None or not fitted.text:
            continue
        with booster.overheard() as heard:
            MEMBERS[name].forecast([fitted], np.zeros(1, dtype=np.intp), origins, horizon_days)
        features = np.concatenate([rows for rows, _ in heard])
        shares = np.concatenate([shares for _, shares in heard])
        columns = slice(0, features.shape[1])
        effects[:, columns] += weight * fitted.numbers["scale"] * shares[:, :-1]
        values[:, columns] = features
    return Explanation(price, effects, values, price - effects.sum(axis=1))
