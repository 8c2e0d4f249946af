"""Weights: when those of a model are too old to be carried on by a refit.

Belongs here: the rule. Not here: who is trained in which way (`stages.training`), weighing (`forecasting.ensemble`).
"""

from typing import TYPE_CHECKING

import numpy as np

from pricecast_dagster.forecasting.panel import Panel

if TYPE_CHECKING:
    from pricecast_dagster.forecasting.model import Model

# Weights and bands are estimated on the last weeks before they were made; two weeks of new data are worth 0.2 s a SKU.
WEIGH_AGAIN_DAYS = 14


def weigh_again(panel: Panel, champion: "Model") -> bool:
    """Whether a model's weights and bands are too old, or have just been surprised, to be carried on by a refit.

    So are bands of before, which knew the errors of a few weeks only.
    """
    weighed = str(champion.facts["weighed_until"])
    new_days = int((panel.days[panel.last[0]] - panel.days.dtype.type(weighed)).astype(int))
    return new_days >= WEIGH_AGAIN_DAYS or "side" not in champion.arrays or _surprised(panel, champion)


def _surprised(panel: Panel, champion: "Model") -> bool:
    """Whether the last two weeks hold a move beyond the champion's 95 % band.

    Its weights and past errors may come from a time that knew no such move; a refit would carry them on, and put a band of a
    quiet price around one that has just jumped.
    """
    moves = np.abs(np.diff(panel.price[0, -WEIGH_AGAIN_DAYS - 1 :]))
    return bool(moves.size) and float(moves.max()) > float(champion.reaches[:, -1, :, WEIGH_AGAIN_DAYS - 1].max())
