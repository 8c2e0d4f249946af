"""Tuning: Optuna looks for a booster's hyperparameters on a SKU's past, and a better recipe is kept only if it proves better.

Belongs here: the search space, the trials, the proof. Not here: the rows (`samples`), fitting what was found (`members`), and
whether the result replaces a champion (`promotion`).

What is served is tuned: rows are forecasts of several days ahead, not of the next day, whose errors mislead (on sticky prices
they reverse the order of 14-day errors). The folds of a trial boost side by side; the mean of their error curves says when to
stop and when to give a trial up. Datasets are built once: a trial costs boosting and nothing else.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting import booster
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.ensemble import kind_of
from pricecast_dagster.forecasting.promotion import held_out_rmse
from pricecast_dagster.forecasting.recipe import DIRECT_LEVEL, DIRECT_STEP, BoosterSettings, Kind, Recipe
from pricecast_dagster.forecasting.samples import Samples
from pricecast_dagster.forecasting.selection import select
from pricecast_dagster.forecasting.splits import Fold, time_ordered_folds
from pricecast_dagster.forecasting.validation import MOST_CUTS, Rehearsed, Track, cuts_of

if TYPE_CHECKING:
    from optuna import Trial

FOLDS: Final = 3

TRIALS_AT_A_TIME: Final = 10
WORTHWHILE_GAIN: Final = 0.01
"""A search ends where so many trials gain less than this in the folds on what was known before them; and what it found is taken
only if it gains this on days it had not seen. Smaller gains there were worth nothing afterwards, see docs/tuning.md."""

_PATIENCE_ROUNDS: Final = 15
_REPORT_EVERY: Final = 5
_FEWEST_ROWS: Final = 60


@dataclass(frozen=True, slots=True)
class TuningPlan:
    """How hard to look.

    Attributes:
        trials: of Optuna, at most; at least 1.
    """

    trials: int


@dataclass(frozen=True, slots=True)
class Tuned:
    """What became of a search.

    Attributes:
        recipe: the one to go on with; the given one where nothing better was proven.
        told: JSON: `reason` in words, `trials` that were run, and as far as it came to that `member`, `error_given` and
            `error_found` (of the folds, in the SKU's spread), `rmse_given` and `rmse_found` (held out, price units), `selected`
            (learner -> features kept, offered, and errors in the folds).
    """

    recipe: Recipe
    told: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """What the trials found.

    Attributes:
        booster: the best hyperparameters; None where none beat the given ones in the folds.
        trials: how many were run.
        error_given, error_found: mean RMSE over the folds at the best round, in the SKU's spread.
    """

    booster: BoosterSettings | None
    trials: int
    error_given: float
    error_found: float


def tune(
    samples: Samples,
    track: Track,
    calendar: HolidayCalendar,
    recipe: Recipe,
    plan: TuningPlan,
    seed: int,
    known: Rehearsed | None = None,
) -> Tuned:
    """Look for fewer features and better hyperparameters of the learners that matter for this kind of price.

    Selection and trials see nothing of the days on which what they found and the given recipe are then compared.

    Args:
        samples: of one SKU, laid out for `recipe`.
        track: of its rules.
        calendar: says which days are special.
        recipe: where to start from.
        plan: how hard to look.
        seed: the same seed finds the same recipe.
        known: takes what was rehearsed on the way, see `validation.rehearse`.

    Raises:
        TrainingError: a member cannot be fitted.
    """
    kind = kind_of(track, samples.history)
    cuts = cuts_of(samples.history, MOST_CUTS[kind])
    if samples.spread == 0 or not cuts:
        return Tuned(recipe, {"reason": "not tuned: the history holds nothing to judge by", "trials": 0})
    known = {} if known is None else known
    given = held_out_rmse(samples, track, calendar, recipe, seed, known)
    if not given:
        return Tuned(recipe, {"reason": "not tuned: the given recipe makes no error that could be less", "trials": 0})
    early = samples.history.until(samples.history.days[cuts[0]])
    boosting = tuple(name for name in recipe.by_kind[kind] if name in recipe.learners)
    selected = select(early, calendar, recipe, boosting, seed)
    fewer = recipe
    for name, outcome in selected.items():
        fewer = fewer.with_features(name, outcome.features)
    member = DIRECT_STEP if kind is Kind.STICKY else DIRECT_LEVEL
    found = search(samples.cut(cuts[0]), fewer, member, plan, seed)
    told: dict[str, Any] = {
        "trials": 0 if found is None else found.trials,
        "member": member,
        "rmse_given": given,
        "selected": {name: asdict(outcome) for name, outcome in selected.items()},
    }
    if found is not None:
        told |= {"error_given": found.error_given, "error_found": found.error_found}
    candidates = [] if found is None or found.booster is None else [fewer.with_booster(member, found.booster)]
    candidates += [fewer] if fewer != recipe else []
    for candidate in candidates:
        proven = held_out_rmse(samples, track, calendar, candidate, seed, known)
        told["rmse_found"] = proven
        # Fewer features are worth having for nothing; other hyperparameters have to be better.
        if proven is not None and proven <= (given if candidate is fewer else given * (1 - WORTHWHILE_GAIN)):
            what = "fewer features" if candidate is fewer else "tuned"
            return Tuned(candidate, told | {"reason": f"{what}: RMSE {proven:.4g} against {given:.4g} on days it had not seen"})
    reason = f"the given recipe stays: nothing found was better by {WORTHWHILE_GAIN:.0%} on days it had not seen"
    if not candidates:
        reason = "the given recipe stays: neither trials nor selection found anything in the folds"
    return Tuned(recipe, told | {"reason": reason})


def search(samples: Samples, recipe: Recipe, member: str, plan: TuningPlan, seed: int) -> Found | None:
    """Look for a direct member's hyperparameters; None where there are too few rows to judge.

    The search is given up where ten trials gain next to nothing on the given hyperparameters, or on what the trials before them
    found: more would find what fits the folds, see docs/tuning.md.
    """
    import optuna

    if samples.spread == 0:
        return None
    rows = tuning_rows(samples, recipe, member)
    if rows is None:
        return None
    folds = _FoldBoosting(rows, seed)
    settings = recipe.learners[member].booster
    given = folds.best(settings)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=seed % 2**32, multivariate=True),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=_REPORT_EVERY),
    )

    def objective(trial: "Trial") -> float:
        return folds.trial(trial, suggest(trial, settings.objective))

    known, worthwhile = given, True
    while worthwhile and (left := plan.trials - len(study.trials)) > 0:
        study.optimize(objective, n_trials=min(left, TRIALS_AT_A_TIME))
        worthwhile = study.best_value < known * (1 - WORTHWHILE_GAIN)
        known = study.best_value
    if study.best_value >= given:
        return Found(None, len(study.trials), given, study.best_value)
    rounds = int(study.best_trial.user_attrs["rounds"])
    best = BoosterSettings(objective=settings.objective, **(study.best_params | {"n_estimators": rounds}))
    return Found(best, len(study.trials), given, study.best_value)


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


class _FoldBoosting:
    """All folds boosted side by side; what counts is the mean of their RMSE at the best round."""

    def __init__(self, rows: TuningRows, seed: int) -> None:
        self._data = [booster.FoldData(rows.features, rows.target, fold.train, fold.validation) for fold in rows.folds]
        self._seed = seed

    def best(self, settings: BoosterSettings) -> float:
        """The least error."""
        return min(error for error, _ in self._rounds(settings))

    def trial(self, trial: "Trial", settings: BoosterSettings) -> float:
        """The least error of a trial, which is given up where it is hopeless."""
        import optuna

        least = (np.inf, 1)
        for number, least in enumerate(self._rounds(settings), start=1):
            if number % _REPORT_EVERY == 0:
                trial.report(least[0], number)
                if trial.should_prune():
                    raise optuna.TrialPruned
        trial.set_user_attr("rounds", least[1])
        return least[0]

    def _rounds(self, settings: BoosterSettings) -> Iterator[tuple[float, int]]:
        """After each round the least error so far and its round, until patience ends."""
        best, best_round = np.inf, 1
        for number, errors in enumerate(booster.boost_together(self._data, settings, self._seed), start=1):
            error = float(np.mean(errors))
            if error < best:
                best, best_round = error, number
            yield best, best_round
            if number - best_round >= _PATIENCE_ROUNDS:
                return
