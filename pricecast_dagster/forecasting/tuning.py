"""Tuning: Optuna looks for a booster's hyperparameters on a SKU's past, and a better recipe is kept only if it proves better.

Belongs here: the search space, the trials, the proof. Not here: the rows (`samples`), fitting what was found (`members`), and
whether the result replaces a champion (`promotion`).

What is served is tuned: rows are forecasts of several days ahead, not of the next day, whose errors mislead (on sticky prices
they reverse the order of 14-day errors). The folds of a trial boost side by side; the mean of their error curves says when to
stop and when to give a trial up. Datasets are built once: a trial costs boosting and nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting import booster
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.ensemble import kind_of
from pricecast_dagster.forecasting.promotion import held_out_rmse
from pricecast_dagster.forecasting.recipe import DIRECT_LEVEL, DIRECT_STEP, BoosterSettings, Kind, Recipe
from pricecast_dagster.forecasting.samples import Samples
from pricecast_dagster.forecasting.splits import Fold, time_ordered_folds
from pricecast_dagster.forecasting.validation import MOST_CUTS, Track, cuts_of

if TYPE_CHECKING:
    from optuna import Trial

FOLDS: Final = 3
_PATIENCE_ROUNDS: Final = 15
_REPORT_EVERY: Final = 5
_FEWEST_ROWS: Final = 60


@dataclass(frozen=True, slots=True)
class TuningPlan:
    """How hard to look.

    Attributes:
        trials: of Optuna; at least 1.
    """

    trials: int


def tune(samples: Samples, track: Track, calendar: HolidayCalendar, recipe: Recipe, plan: TuningPlan, seed: int) -> Recipe:
    """Look for better hyperparameters of the direct member that matters for this kind of price.

    Trials see nothing of the days on which found and given recipe are then compared.

    Args:
        samples: of one SKU, laid out for `recipe`.
        track: of its rules.
        calendar: says which days are special.
        recipe: where to start from.
        plan: how hard to look.
        seed: the same seed finds the same recipe.

    Returns:
        A recipe with tuned hyperparameters, or `recipe` itself where nothing better was proven.

    Raises:
        TrainingError: a member cannot be fitted.
    """
    kind = kind_of(track, samples.history)
    cuts = cuts_of(samples.history, MOST_CUTS[kind])
    if not cuts:
        return recipe
    member = DIRECT_STEP if kind is Kind.STICKY else DIRECT_LEVEL
    found = search(samples.cut(cuts[0]), recipe, member, plan, seed)
    if found is None:
        return recipe
    candidate = recipe.with_booster(member, found)
    given = held_out_rmse(samples, track, calendar, recipe, seed)
    tuned = held_out_rmse(samples, track, calendar, candidate, seed)
    return candidate if given is not None and tuned is not None and tuned < given else recipe


def search(samples: Samples, recipe: Recipe, member: str, plan: TuningPlan, seed: int) -> BoosterSettings | None:
    """The best hyperparameters of a direct member that the trials found; None where there are too few rows to judge."""
    import optuna

    if samples.spread == 0:
        return None
    rows = tuning_rows(samples, recipe, member)
    if rows is None:
        return None
    folds = _fold_boosting(rows, seed)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=seed % 2**32, multivariate=True),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=_REPORT_EVERY),
    )
    objective = recipe.learners[member].booster.objective
    study.optimize(lambda trial: folds(trial, suggest(trial, objective)), n_trials=plan.trials)
    rounds = int(study.best_trial.user_attrs["rounds"])
    return BoosterSettings(objective=objective, **(study.best_params | {"n_estimators": rounds}))


def suggest(trial: "Trial", objective: str) -> BoosterSettings:
    """One point of the search space."""
    return BoosterSettings(
        objective=objective,
        n_estimators=trial.suggest_int("n_estimators", 100, 1000),
        learning_rate=trial.suggest_float("learning_rate", 0.01, 0.3, log=True),
        max_depth=trial.suggest_int("max_depth", 3, 12),
        num_leaves=trial.suggest_int("num_leaves", 20, 200),
        min_child_samples=trial.suggest_int("min_child_samples", 10, 100),
        subsample=trial.suggest_float("subsample", 0.6, 1.0),
        colsample_bytree=trial.suggest_float("colsample_bytree", 0.6, 1.0),
        reg_alpha=trial.suggest_float("reg_alpha", 1e-8, 10.0, log=True),
        reg_lambda=trial.suggest_float("reg_lambda", 1e-8, 10.0, log=True),
    )


@dataclass(frozen=True, eq=False)
class TuningRows:
    """What trials learn from and are judged on.

    Attributes:
        features: (rows, features); target: (rows,) differences to the base over the SKU's spread.
        folds: ordered in time; positions in the rows.
    """

    features: NDArray[np.float64]
    target: NDArray[np.float64]
    folds: tuple[Fold, ...]


def tuning_rows(samples: Samples, recipe: Recipe, member: str) -> TuningRows | None:
    """The rows of a direct member, in folds ordered in time; None where there are too few to judge by."""
    base = samples.design.last if member == DIRECT_STEP else samples.design.level
    features, difference = samples.direct(base, recipe.learners[member].features)
    days = samples.history.days[samples.design.direct_days[: len(features)]]
    # One row of each target day, the horizons taking turns: rows of one day say much the same, and cost three times as much.
    turn = np.arange(len(days)) % (len(recipe.training_horizons) + 1) == 0
    features, target, days = features[turn], difference[turn] / samples.spread, days[turn]
    if len(days) < _FEWEST_ROWS:
        return None
    return TuningRows(features, target, tuple(time_ordered_folds(days, count=FOLDS)))


def _fold_boosting(rows: TuningRows, seed: int) -> "Callable[[Trial, BoosterSettings], float]":
    """A function that boosts all folds of a trial side by side and returns the mean of their RMSE at the best round."""
    import optuna

    data = [booster.FoldData(rows.features, rows.target, fold.train, fold.validation) for fold in rows.folds]

    def boost(trial: "Trial", settings: BoosterSettings) -> float:
        best, best_round = np.inf, 0
        for number, errors in enumerate(booster.boost_together(data, settings, seed), start=1):
            error = float(np.mean(errors))
            if error < best:
                best, best_round = error, number
            if number - best_round >= _PATIENCE_ROUNDS:
                break
            if number % _REPORT_EVERY == 0:
                trial.report(best, number)
                if trial.should_prune():
                    raise optuna.TrialPruned
        trial.set_user_attr("rounds", max(best_round, 1))
        return best

    return boost
