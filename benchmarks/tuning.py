"""Fifty tuning trials of a SKU: ours against the plain way, in seconds on one core and in validation error.

The plain way is the usual objective: for every trial and fold a new LGBMRegressor, one thread, all rounds, no early stopping.
Same rows, same folds, same search space, same sampler family. Two validation errors are told: the one each study found for its
best trial, and the one of LGBMRegressor refitted with what was found, with seeds that neither study has seen.
Run: python -m benchmarks.tuning
"""

import time
from itertools import islice

import numpy as np
import optuna
from lightgbm import LGBMRegressor

from benchmarks.training import retailer_panels
from pricecast_dagster.forecasting.booster import FoldData, boost_together
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.recipe import DIRECT_STEP, BoosterSettings, default_recipe
from pricecast_dagster.forecasting.samples import build_samples
from pricecast_dagster.forecasting.tuning import TuningPlan, TuningRows, search, suggest, tuning_rows

N_SKUS, TRIALS = 6, 50
FRESH_SEEDS = (101, 102, 103)
TARGET_SECONDS, TARGET_RATIO = 1.5, 2.5


def regressor(settings: BoosterSettings, seed: int) -> LGBMRegressor:
    """The same hyperparameters in scikit-learn's interface."""
    return LGBMRegressor(
        objective=settings.objective,
        n_estimators=settings.n_estimators,
        learning_rate=settings.learning_rate,
        max_depth=settings.max_depth,
        num_leaves=settings.num_leaves,
        min_child_samples=settings.min_child_samples,
        subsample=settings.subsample,
        subsample_freq=1,
        colsample_bytree=settings.colsample_bytree,
        reg_alpha=settings.reg_alpha,
        reg_lambda=settings.reg_lambda,
        n_jobs=1,
        verbose=-1,
        random_state=seed,
    )


def validation_error(rows: TuningRows, settings: BoosterSettings, seed: int) -> float:
    """Mean RMSE over the folds, each refitted the plain way."""
    errors = []
    for fold in rows.folds:
        model = regressor(settings, seed).fit(rows.features[fold.train], rows.target[fold.train])
        predicted = model.booster_.predict(rows.features[fold.validation])
        errors.append(np.sqrt(np.mean((predicted - rows.target[fold.validation]) ** 2)))
    return float(np.mean(errors))


def anew(rows: TuningRows, settings: BoosterSettings) -> float:
    """The same with seeds no study has used, their mean."""
    return float(np.mean([validation_error(rows, settings, seed) for seed in FRESH_SEEDS]))


def own_error(rows: TuningRows, settings: BoosterSettings, seed: int) -> float:
    """What our study found for its best trial: the lowest mean of the folds' curves."""
    data = [FoldData(rows.features, rows.target, fold.train, fold.validation) for fold in rows.folds]
    rounds = islice(boost_together(data, settings, seed), settings.n_estimators)
    return min(float(np.mean(errors)) for errors in rounds)


def plain_search(rows: TuningRows, objective: str, seed: int) -> tuple[BoosterSettings, float]:
    """The usual study: what it found, and its validation error."""
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(lambda trial: validation_error(rows, suggest(trial, objective), seed), n_trials=TRIALS)
    return BoosterSettings(objective=objective, **study.best_params), float(study.best_value)


def main() -> None:
    """Print seconds and validation error of both, and the ratios."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    calendar, recipe = HolidayCalendar("BR"), default_recipe()
    objective = recipe.learners[DIRECT_STEP].booster.objective
    moving = [panel for panel in retailer_panels(2 * N_SKUS) if np.ptp(panel.price[0]) > 0][:N_SKUS]
    ours, plain, as_found, judged_anew = [], [], [], []
    for number, panel in enumerate(moving):
        samples = build_samples(panel, calendar, recipe)
        rows = tuning_rows(samples, recipe, DIRECT_STEP)
        assert rows is not None
        if number == 0:
            search(samples, recipe, DIRECT_STEP, TuningPlan(1), 1)  # imports
        began = time.process_time()
        search_result = search(samples, recipe, DIRECT_STEP, TuningPlan(TRIALS), number)
        ours.append(time.process_time() - began)
        assert search_result is not None
        found = search_result.booster or recipe.learners[DIRECT_STEP].booster
        began = time.process_time()
        usual, usual_error = plain_search(rows, objective, number)
        plain.append(time.process_time() - began)
        as_found.append(own_error(rows, found, number) / usual_error)
        judged_anew.append(anew(rows, found) / anew(rows, usual))
    ratio = sum(plain) / sum(ours)
    error_ratio = float(np.mean(as_found))
    print(f"{len(moving)} products of the synthetic retailer, {TRIALS} trials x 3 folds, one core, seconds a product")
    print(f"ours   {np.mean(ours):.2f}")
    print(f"plain  {np.mean(plain):.2f}   {ratio:.1f} times as long")
    print(f"validation error of the best trial, ours over plain        {error_ratio:.3f}")
    print(f"refitted with fresh seeds, ours over plain                 {np.mean(judged_anew):.3f}")
    met = np.mean(ours) < TARGET_SECONDS and ratio >= TARGET_RATIO and error_ratio <= 1.0
    print(f"target {TARGET_SECONDS} s, {TARGET_RATIO} times, error at most equal: {'met' if met else 'missed'}")


if __name__ == "__main__":
    main()
