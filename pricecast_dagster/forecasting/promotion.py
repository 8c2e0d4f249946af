"""Promotion: whether a challenger's recipe replaces the champion's.

Belongs here: the pure rule, its explanation, and the scores it is fed with: both recipes fitted only on what came before, on the
same held-out days of several origins. Not here: acting on the decision (`stages.training`).
"""

from dataclasses import dataclass

import numpy as np

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.ensemble import held_out, kind_of
from pricecast_dagster.forecasting.metrics import rmse
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.recipe import Recipe
from pricecast_dagster.forecasting.samples import Samples, build_samples
from pricecast_dagster.forecasting.validation import Track, rehearse_kind, track_rules


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to a challenger, and why, in words a pricing analyst understands.

    Attributes:
        promote: whether it becomes champion.
        reason: why.
        challenger_rmse, champion_rmse: on the same held-out days, in price units; None where there was none to judge on.
    """

    promote: bool
    reason: str
    challenger_rmse: float | None = None
    champion_rmse: float | None = None


def decide(challenger_rmse: float, champion_rmse: float | None, *, tolerance: float = 0.0) -> Decision:
    """Compare two recipes on the same held-out days; of equals the champion stays.

    Args:
        challenger_rmse: RMSE of the new one, in price units, lower is better.
        champion_rmse: RMSE of the present champion on the same days; None where there is none.
        tolerance: relative gain that is too small to change for, 0.01 for 1 %.

    Raises:
        ValueError: a score is negative or not finite; what cannot be scored is never promoted silently.
    """
    for score in (challenger_rmse, champion_rmse):
        if score is not None and not 0 <= score < float("inf"):
            raise ValueError(f"an RMSE must be finite and not negative, got {score}")
    if champion_rmse is None:
        return Decision(True, "first model of this product", challenger_rmse, None)
    told = f"RMSE {challenger_rmse:.4g} against the champion's {champion_rmse:.4g} on the same held-out days"
    if challenger_rmse < champion_rmse * (1 - tolerance):
        return Decision(True, told, challenger_rmse, champion_rmse)
    return Decision(False, f"champion stays: {told}", challenger_rmse, champion_rmse)


def compare(
    history: Panel, calendar: HolidayCalendar, champion_recipe: Recipe, challenger_recipe: Recipe, *, seed: int
) -> Decision:
    """Judge two recipes on a SKU's past.

    Args:
        history: the panel of this SKU alone.
        calendar: says which days are special.
        champion_recipe: the present one.
        challenger_recipe: the new one.
        seed: the same for both.

    Raises:
        TrainingError: a member cannot be fitted.
    """
    if champion_recipe == challenger_recipe:
        return Decision(False, "champion stays: the new recipe is the same")
    challenger, champion = (
        held_out_rmse(build_samples(history, calendar, recipe), track_rules(history, calendar, recipe), calendar, recipe, seed)
        for recipe in (challenger_recipe, champion_recipe)
    )
    if challenger is None or champion is None:
        return Decision(False, "champion stays: the history is too short to hold out days")
    return decide(challenger, champion)


def held_out_rmse(samples: Samples, track: Track, calendar: HolidayCalendar, recipe: Recipe, seed: int) -> float | None:
    """RMSE of a recipe's forecasts from past origins, in price units; None where no day could be held out."""
    kind = kind_of(track, samples.history)
    rehearsal = rehearse_kind(samples, calendar, recipe, kind, seed)
    if not len(rehearsal.columns):
        return None
    error = float(
        rmse(
            track.actual[rehearsal.columns].ravel(),
            held_out(track, rehearsal, kind).ravel(),
            track.counted[rehearsal.columns].ravel(),
        )
    )
    return error if np.isfinite(error) else None
