"""Weights: when those of a model are too old to be carried on by a refit.

Belongs here: the rule. Not here: who is trained in which way (`stages.training`), weighing (`forecasting.ensemble`).
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from pricecast_dagster.forecasting.panel import Panel

if TYPE_CHECKING:
    from pricecast_dagster.forecasting.model import Model

# Weights and bands are estimated on the last weeks before they were made; two weeks of new data are worth 0.2 s a SKU.
WEIGH_AGAIN_DAYS = 14

USUAL_DAYS = 28
"""The usual price of a day is the median of so many days before it."""


def weigh_again(panel: Panel, champion: "Model") -> bool:
    """Whether a model's weights and bands are too old, or have just been surprised, to be carried on by a refit.

    So are bands of before, which knew the errors of a few weeks only, and those of days that have been taken out of the history.
    """
    if str(panel.days[panel.first[0]]) > str(champion.facts["trained_from"]):
        return True
    weighed = str(champion.facts["weighed_until"])
    new_days = int((panel.days[panel.last[0]] - panel.days.dtype.type(weighed)).astype(int))
    return new_days >= WEIGH_AGAIN_DAYS or "side" not in champion.arrays or _surprised(panel, champion, new_days)


def _surprised(panel: Panel, champion: "Model", new_days: int) -> bool:
    """Whether a day since the weighing lies beyond the champion's 95 % band.

    Its weights and past errors may come from a time that knew no such move; a refit would carry them on, and put a band of a
    quiet price around one that has just jumped. Beyond is seen from the day before and from the usual price: a noisy price is
    often far from the day before and seldom from its level, and a promotion's end leads back to the usual price. Days before
    the weighing surprise nobody, it knew them.
    """
    price = panel.price[0, : panel.last[0] + 1]
    new = min(new_days, price.size - 1)
    if new < 1:
        return False
    before = sliding_window_view(np.pad(price, (USUAL_DAYS, 0), mode="edge"), USUAL_DAYS)[-new - 1 : -1]
    moves = np.minimum(np.abs(price[-new:] - price[-new - 1 : -1]), np.abs(price[-new:] - np.median(before, axis=1)))
    return float(moves.max()) > float(champion.reaches[:, -1, :, WEIGH_AGAIN_DAYS - 1].max())
