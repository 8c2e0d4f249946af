"""Explaining: what each member and each feature adds to a forecast, day by day.

Belongs here: the moves of the members, the shares of the boosting members' features, in price units. Not here: the members, and
showing it.

SHAP values of trees (Lundberg and others, "Consistent Individualized Feature Attribution for Tree Ensembles", 2018), as LightGBM
computes them. They add up: a member's answer is its mean plus its features' shares, and the forecast is a weighted sum.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting import booster
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.chances import chances_at
from pricecast_dagster.forecasting.members.roster import MEMBERS
from pricecast_dagster.forecasting.model import Model, forecast
from pricecast_dagster.forecasting.origins import Origins
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.pooled_fit import PORTRAIT
from pricecast_dagster.forecasting.settling import lengthened
from pricecast_dagster.forecasting.validation import within_recent_range
from pricecast_dagster.schemas import FEATURE_COLUMNS

NAMES = (*FEATURE_COLUMNS, "days_ahead", "weekday_price", *PORTRAIT)
"""The features of the pooled member; a direct one has the first 47 of them, the autoregressive one the first 45."""


TOLERANCE: Final = 1e-9
"""Both sums give the forecast up to this share of the price."""


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """A forecast of one SKU taken apart twice; h days ahead, k features of NAMES, m members with a weight.

    By member: last + moves + settling = price. By feature: base + effects = price.

    Attributes:
        price: (h,) as forecast.
        last: the last known price.
        members: (m,) names; weights: (m,) shares of their moves that are gone.
        moves: (m, h) what each member adds to the last price, price units: its own move by its weight, longer where the price
            will probably not stand (`settling.lengthened`).
        settling: (h,) what the forecast is off the sum of moves, from staying or being drawn to a price that was there.
        effects: (h, k) what each feature adds, price units.
        values: (h, k) the features, as the last member that has them saw them; NaN where none has.
        base: (h,) price minus all effects: the level, the rules' answer, and being drawn to a price that was there.
    """

    price: NDArray[np.float64]
    last: float
    members: tuple[str, ...]
    weights: tuple[float, ...]
    moves: NDArray[np.float64]
    settling: NDArray[np.float64]
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
    last = float(origins.last[0])
    effects = np.zeros((horizon_days, len(NAMES)))
    values = np.full((horizon_days, len(NAMES)), np.nan)
    weights = model.blend.weights
    # In the roster's order, whatever order a store has put the weights in: sums of floats depend on it.
    served = {name: weights[name] for name in MEMBERS if weights.get(name, 0.0) > 0}
    moves = np.zeros((len(served), horizon_days))
    longer = lengthened(chances_at(origins, horizon_days).stays, [model.blend.caution])[0]
    for position, (name, weight) in enumerate(served.items()):
        fitted = model.fitted(name)
        with booster.overheard() as heard:
            answer = MEMBERS[name].forecast([fitted], np.zeros(1, dtype=np.intp), origins, horizon_days)
        moves[position] = longer * weight * (within_recent_range(answer[None], origins)[0, 0] - last)
        if not heard:
            continue
        features = np.concatenate([rows for rows, _ in heard])
        shares = np.concatenate([shares for _, shares in heard])
        columns = slice(0, features.shape[1])
        # The pooled booster speaks in shares of the last price; its features are shown where no other member has them.
        own = "scale" in fitted.numbers
        unit = fitted.numbers["scale"] if own else last
        effects[:, columns] += (longer * weight * unit)[:, None] * shares[:, :-1]
        values[:, columns] = features if own else np.where(np.isnan(values[:, columns]), features, values[:, columns])
    return Explanation(
        price=price,
        last=last,
        members=tuple(served),
        weights=tuple(served.values()),
        moves=moves,
        settling=price - last - moves.sum(axis=0),
        effects=effects,
        values=values,
        base=price - effects.sum(axis=1),
    )
