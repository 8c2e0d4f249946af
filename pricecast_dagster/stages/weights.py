"""Weights: when those of a model are too old to be carried on by a refit.

Belongs here: the rule, and what a model remembers for it. Not here: who is trained in which way (`stages.training`), weighing
(`forecasting.ensemble`).
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from pricecast_dagster.forecasting.panel import Panel

if TYPE_CHECKING:
    from pricecast_dagster.forecasting.model import Model

# Weights and bands are estimated on the last weeks before they were made; two weeks of new data are worth 0.2 s a SKU.
WEIGH_AGAIN_DAYS = 14

USUAL_DAYS = 28
"""The usual price of a day is the median of so many days before it."""

LASTING_SHARE = 0.5
"""Of twenty level shifts 1.0 misses half of what doubling brings, 0.5 nothing of it; a till's chance days seldom reach it."""

SURPRISED_ON: Final = "surprised_on"
"""The fact of a model that names the last day that surprised it or one before it."""


def weigh_again(panel: Panel, champion: "Model") -> bool:
    """Whether a model's weights and bands are too old, or have just been surprised, to be carried on by a refit.

    Those made k days after a surprise are too old after k more days, while it lasts: the first knew one day of what may be a
    new level or chance, and what is known of it has doubled then. Too old are also bands of before, which knew the errors of a
    few weeks only, and those of days that have been taken out of the history, at its beginning or its end.
    """
    if str(panel.days[panel.first[0]]) > str(champion.facts["trained_from"]):
        return True
    if _new_days(panel, champion) < 0:
        return True
    if "earlier_scores" not in champion.arrays or _new_surprise(panel, champion) is not None:
        return True
    return _new_days(panel, champion) >= _good_for_days(panel, champion)


def remember(model: "Model", panel: Panel, champion: "Model") -> "Model":
    """A champion's successor that knows, as `weigh_again` asks, when a price was last a surprise.

    Args:
        model: made from the panel; champion: the model before it, or what is left of it.
    """
    known = champion.facts.get(SURPRISED_ON)
    if "side" in champion.arrays:
        known = _new_surprise(panel, champion) or known
    return model if known is None else replace(model, facts={**model.facts, SURPRISED_ON: known})


def _new_days(panel: Panel, champion: "Model") -> int:
    return _days_between(panel, str(champion.facts["weighed_until"]), str(panel.days[panel.last[0]]))


def _good_for_days(panel: Panel, champion: "Model") -> int:
    surprised_on = champion.facts.get(SURPRISED_ON)
    if surprised_on is None or not _lasts(panel, champion, str(surprised_on)):
        return WEIGH_AGAIN_DAYS
    age = _days_between(panel, str(surprised_on), str(champion.facts["weighed_until"]))
    return min(max(age, 1), WEIGH_AGAIN_DAYS)


def _lasts(panel: Panel, champion: "Model", surprised_on: str) -> bool:
    """Whether prices since the day of a surprise lie apart from the usual price before it, by half the reach that made it one."""
    price = panel.price[0, : panel.last[0] + 1]
    day = _days_between(panel, str(panel.days[0]), surprised_on)
    before, since = price[max(day - USUAL_DAYS, panel.first[0]) : day], price[day + 1 :]
    if before.size == 0 or since.size == 0:
        return False
    return bool(abs(np.median(since) - np.median(before)) > LASTING_SHARE * _reach(champion))


def _reach(champion: "Model") -> float:
    """How far its 95 % band reaches a fortnight ahead, on the wider side."""
    return float(champion.reaches[:, -1, :, WEIGH_AGAIN_DAYS - 1].max())


def _days_between(panel: Panel, first: str, last: str) -> int:
    day = panel.days.dtype.type
    return int((day(last) - day(first)).astype(int))


def _new_surprise(panel: Panel, champion: "Model") -> str | None:
    """The last day since the weighing that lies beyond the champion's 95 % band, if any.

    Its weights and past errors may come from a time that knew no such move; a refit would carry them on, and put a band of a
    quiet price around one that has just jumped. Beyond is seen from the day before and from the usual price: a noisy price is
    often far from the day before and seldom from its level, and a promotion's end leads back to the usual price. Days before
    the weighing surprise nobody, it knew them.
    """
    last = int(panel.last[0])
    price = panel.price[0, : last + 1]
    new = min(_new_days(panel, champion), price.size - 1)
    if new < 1:
        return None
    before = sliding_window_view(np.pad(price, (USUAL_DAYS, 0), mode="edge"), USUAL_DAYS)[-new - 1 : -1]
    moves = np.minimum(np.abs(price[-new:] - price[-new - 1 : -1]), np.abs(price[-new:] - np.median(before, axis=1)))
    beyond = np.flatnonzero(moves > _reach(champion))
    return None if len(beyond) == 0 else str(panel.days[last - new + 1 + int(beyond[-1])])
