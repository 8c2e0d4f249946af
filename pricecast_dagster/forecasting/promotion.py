"""Promotion: whether a challenger's recipe replaces the champion's.

Belongs here: the pure rule, its explanation, and the scores it is fed with: both recipes fitted only on what came before, on the
same held-out days of several origins. Not here: acting on the decision (`stages.training`), and comparing two models in service
(`sequential`).

A difference counts only beyond its own uncertainty: with three to six refits a better score is a coin's toss more often than not.
The days after one refit stand and fall together, so the uncertainty is that of the mean over refits, not over days (Diebold and
Mariano 1995, with blocks for the overlap of forecasts).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.ensemble import kind_of
from pricecast_dagster.forecasting.hindsight import hindsight
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.recipe import Recipe
from pricecast_dagster.forecasting.samples import Samples, build_samples
from pricecast_dagster.forecasting.validation import Rehearsed, Track, rehearse_kind, track_rules

if TYPE_CHECKING:
    from pricecast_dagster.forecasting.pooled import Pooled

CERTAINTY: Final = (31.8, 6.96, 4.54, 3.75, 3.36)
"""Standard errors by which a new recipe has to be better, for 2, 3, ... refits: 99 % quantiles of Student's t. At 95 % four of
two hundred overfitting recipes were promoted, and in service they were 0.2 to 4.1 % worse."""

OVERLAP: Final = 0.25
"""Correlation of the losses after two neighbouring refits: a fortnight of origins that reach a fortnight ahead covers its days
with the weights of a triangle, and two such triangles share a quarter."""

LEAST_GAIN: Final = 0.06
"""Share of the squared error under which a gain is none: 3 % of the RMSE is noise elsewhere too. Three refits may agree by
chance: overfitting recipes have passed with gains of 1.2, 3.9 and 4.8 %, the latter two give or take 0.3 and 0.6."""

LEAST_BLOCKS: Final = 2


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to a challenger, and why, in words a pricing analyst understands.

    Attributes:
        promote: whether it becomes champion.
        reason: why.
        challenger_rmse, champion_rmse: on the same held-out days, in price units; None where there was none to judge on.
        gain: mean squared error of the champion less the challenger's, over the champion's; standard_error: of that gain.
    """

    promote: bool
    reason: str
    challenger_rmse: float | None = None
    champion_rmse: float | None = None
    gain: float | None = None
    standard_error: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """How far a recipe's forecasts from past origins were off.

    Attributes:
        columns: (k,) origins; block: (k,) which refit stands behind each.
        squared: (k,) summed squared errors of the days ahead that count; days: (k,) how many those are.
    """

    columns: NDArray[np.intp]
    block: NDArray[np.intp]
    squared: NDArray[np.float64]
    days: NDArray[np.int64]

    @property
    def rmse(self) -> float | None:
        """In price units; None where no day counts."""
        count = int(self.days.sum())
        error = float(np.sqrt(self.squared.sum() / count)) if count else np.nan
        return error if np.isfinite(error) else None


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
    history: Panel,
    calendar: HolidayCalendar,
    champion_recipe: Recipe,
    challenger_recipe: Recipe,
    *,
    seed: int,
    pooled: "Pooled | None" = None,
) -> Decision:
    """Judge two recipes on a SKU's past.

    Args:
        history: the panel of this SKU alone.
        calendar: says which days are special.
        champion_recipe: the present one.
        challenger_recipe: the new one.
        seed: the same for both.
        pooled: what all products together have taught, the same for both.

    Raises:
        TrainingError: a member cannot be fitted.
    """
    if champion_recipe == challenger_recipe:
        return Decision(False, "champion stays: the new recipe is the same")
    challenger, champion = (
        held_out_errors(
            build_samples(history, calendar, recipe, pooled), track_rules(history, calendar, recipe), calendar, recipe, seed
        )
        for recipe in (challenger_recipe, champion_recipe)
    )
    return decide_on_origins(challenger, champion)


def decide_on_origins(challenger: HeldOut, champion: HeldOut) -> Decision:
    """Promote where the challenger is better beyond the uncertainty of the difference; a tie keeps the champion.

    Origins that only one of them could be judged on are left out.
    """
    _, one, other = np.intersect1d(challenger.columns, champion.columns, return_indices=True)
    challenger, champion = _some(challenger, one), _some(champion, other)
    if challenger.rmse is None or champion.rmse is None:
        return Decision(False, "champion stays: the history is too short to hold out days")
    simple = decide(challenger.rmse, champion.rmse)
    blocks = np.unique(champion.block[champion.days > 0])
    if not simple.promote or champion.rmse == 0:
        return simple
    if len(blocks) < LEAST_BLOCKS:
        return _kept(simple, "one refit cannot tell a difference from chance")
    gains = np.array([_mean_loss(champion, block) - _mean_loss(challenger, block) for block in blocks]) / champion.rmse**2
    gain, error = float(gains.mean()), standard_error(gains)
    told = f"{simple.reason}: {gain:.1%} of the squared error, give or take {error:.1%} over {len(gains)} refits"
    certainty = CERTAINTY[min(len(gains) - 2, len(CERTAINTY) - 1)]
    if gain <= max(LEAST_GAIN, certainty * error):
        told = f"champion stays: {told}, which may be chance or none worth a change"
        return Decision(False, told, challenger.rmse, champion.rmse, gain, error)
    return Decision(True, told, challenger.rmse, champion.rmse, gain, error)


def standard_error(gains: NDArray[np.float64]) -> float:
    """Of the mean of gains (n,) after n neighbouring refits, which are correlated by `OVERLAP`; n is two or more."""
    count = len(gains)
    # The variance of a mean of correlated values over that of independent ones, and what their own variance is short of it.
    inflated = (1 + 2 * OVERLAP * (count - 1) / count) / (1 - 2 * OVERLAP / count)
    return float(gains.std(ddof=1) * np.sqrt(inflated / count))


def held_out_rmse(
    samples: Samples, track: Track, calendar: HolidayCalendar, recipe: Recipe, seed: int, known: Rehearsed | None = None
) -> float | None:
    """RMSE of a recipe's forecasts from past origins, in price units; None where no day could be held out."""
    return held_out_errors(samples, track, calendar, recipe, seed, known).rmse


def held_out_errors(
    samples: Samples, track: Track, calendar: HolidayCalendar, recipe: Recipe, seed: int, known: Rehearsed | None = None
) -> HeldOut:
    """A recipe's errors from past origins, refitted at several cuts on what came before each; `known` as in `rehearse`."""
    kind = kind_of(track, samples.history)
    rehearsal = rehearse_kind(samples, calendar, recipe, kind, seed, known)
    if not len(rehearsal.columns):
        return HeldOut(rehearsal.columns, rehearsal.block, np.zeros(0), np.zeros(0, dtype=np.int64))
    counted = track.counted[rehearsal.columns]
    forecasts = hindsight(track, rehearsal, kind).forecasts[-len(rehearsal.columns) :]
    error = np.where(counted, forecasts - track.actual[rehearsal.columns], 0.0)
    return HeldOut(rehearsal.columns, rehearsal.block, (error * error).sum(axis=1), counted.sum(axis=1))


def _some(errors: HeldOut, chosen: NDArray[np.intp]) -> HeldOut:
    return HeldOut(errors.columns[chosen], errors.block[chosen], errors.squared[chosen], errors.days[chosen])


def _mean_loss(errors: HeldOut, block: int) -> float:
    own = errors.block == block
    return float(errors.squared[own].sum() / errors.days[own].sum())


def _kept(simple: Decision, why: str) -> Decision:
    return Decision(False, f"champion stays: {simple.reason}, but {why}", simple.challenger_rmse, simple.champion_rmse)
