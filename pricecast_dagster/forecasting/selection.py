"""Selection: the features that a learner of one SKU needs, by what they add to its forecasts.

Belongs here: importance by SHAP, and which features are kept. Not here: the shares themselves (`booster`), rehearsing
(`validation`), and the proof on days that selection has not seen (`tuning`).

Importance is the mean absolute SHAP value (Lundberg and others 2018, LightGBM's own TreeSHAP) in the forecasts that a learner
makes of days it was not fitted on: what moves the served, multi-step forecasts, not what fits the past.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting import booster
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.recipe import Recipe
from pricecast_dagster.forecasting.samples import Samples, build_samples
from pricecast_dagster.forecasting.validation import Rehearsal, rehearse, track_rules
from pricecast_dagster.schemas import FEATURE_COLUMNS

FOLDS: Final = 3
KEPT_SHARE: Final = 0.95
"""The strongest features that carry this share of all importance are kept."""

FEWEST: Final = 5


@dataclass(frozen=True, slots=True)
class Selected:
    """What became of the features of one learner.

    Attributes:
        features: what it sees from now on; all it had, where fewer would have cost accuracy.
        offered: how many it had.
        rmse_all, rmse_kept: of its multi-step forecasts in the folds, price units; None where nothing could be compared.
    """

    features: tuple[str, ...]
    offered: int
    rmse_all: float | None
    rmse_kept: float | None


def select(
    history: Panel, calendar: HolidayCalendar, recipe: Recipe, learners: tuple[str, ...], seed: int
) -> dict[str, Selected]:
    """Leave out what adds nothing, learner by learner; kept only where the folds' multi-step error does not grow.

    Args:
        history: the panel of this SKU alone, up to the last day that selection may see.
        calendar: says which days are special.
        recipe: says what each learner is offered.
        learners: whose features are selected.
        seed: of everything random.

    Returns:
        Learner -> what it keeps; without those that a history this short cannot judge.

    Raises:
        TrainingError: a learner cannot be fitted.
    """
    samples = build_samples(history, calendar, recipe)
    if samples.spread == 0:
        return {}
    found = {}
    for name in learners:
        offered = recipe.learners[name].features
        with booster.overheard() as heard:
            rehearsal = rehearse(samples, calendar, recipe, (name,), seed, most_cuts=FOLDS)
        error = _error(rehearsal, samples, calendar, recipe)
        if error is None or not heard:
            continue
        kept = strongest(importance_of(heard), offered)
        fewer = recipe.with_features(name, kept)
        error_of_fewer = _error(rehearse(samples, calendar, fewer, (name,), seed, most_cuts=FOLDS), samples, calendar, recipe)
        better = error_of_fewer is not None and error_of_fewer <= error
        found[name] = Selected(kept if better else offered, len(offered), error, error_of_fewer)
    return found


def importance_of(heard: booster.Heard) -> NDArray[np.float64]:
    """(45,) mean absolute SHAP value of each of schemas.FEATURE_COLUMNS over predictions that were overheard."""
    count = len(FEATURE_COLUMNS)
    total = np.zeros(count)
    rows = 0
    for _, shares in heard:
        total += np.add.accumulate(np.abs(shares[:, :count]), axis=0)[-1]
        rows += len(shares)
    return total / max(rows, 1)


def strongest(importance: NDArray[np.float64], offered: tuple[str, ...]) -> tuple[str, ...]:
    """The offered features that together carry KEPT_SHARE of the importance, at least FEWEST, in their usual order."""
    columns = [FEATURE_COLUMNS.index(name) for name in offered]
    # Of equals the first: a stable sort.
    order = sorted(columns, key=lambda column: -importance[column])
    carried = np.add.accumulate(importance[order])
    count = int(np.searchsorted(carried, KEPT_SHARE * carried[-1])) + 1
    kept = set(order[: max(count, FEWEST)])
    return tuple(name for name in offered if FEATURE_COLUMNS.index(name) in kept)


def _error(rehearsal: Rehearsal, samples: Samples, calendar: HolidayCalendar, recipe: Recipe) -> float | None:
    """RMSE of a single learner's rehearsed forecasts; None where no day counts."""
    track = track_rules(samples.history, calendar, recipe)
    counted = track.counted[rehearsal.columns]
    if not counted.any():
        return None
    miss = (rehearsal.forecasts[0] - track.actual[rehearsal.columns])[counted]
    return float(np.sqrt(np.mean(miss**2)))
