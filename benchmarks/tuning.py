"""Fifty tuning trials of a SKU: ours against the plain way, in seconds on one core and in validation error.

The plain way is the usual objective: for every trial and fold a new LGBMRegressor, one thread, all rounds, no early stopping.
Same rows, same folds, same search space, same sampler family. What both found is judged alike: by refitting LGBMRegressor with
it on each fold. Run: python -m benchmarks.tuning
"""

import time

import numpy as np
import optuna
from lightgbm import LGBMRegressor

from benchmarks.training import retailer_panels
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.recipe import DIRECT_STEP, BoosterSettings, default_recipe
from pricecast_dagster.forecasting.samples import build_samples
from pricecast_dagster.forecasting.tuning import TuningPlan, TuningRows, search, suggest, tuning_rows

N_SKUS, TRIALS = 6, 50
TARGET_SECONDS, TARGET_RATIO = 1.5, 2.5


def regressor(settings: BoosterSettings) -> LGBMRegressor:
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
        random_state=1,
    )


def validation_error(rows: TuningRows, settings: BoosterSettings) -> float:
    """Mean RMSE over the folds, each refitted the plain way."""
    errors = []
    for fold in rows.folds:
        model = regressor(settings).fit(rows.features[fold.train], rows.target[fold.train])
        predicted = model.booster_.predict(rows.features[fold.validation])
        errors.append(np.sqrt(np.mean((predicted - rows.target[fold.validation]) ** 2)))
    return float(np.mean(errors))


def plain_search(rows: TuningRows, objective: str, seed: int) -> BoosterSettings:
    """The usual study."""
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(lambda trial: validation_error(rows, suggest(trial, objective)), n_trials=TRIALS)
    return BoosterSettings(objective=objective, **study.best_params)


def main() -> None:
    """Print seconds and validation error of both, and the ratios."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    calendar, recipe = HolidayCalendar("BR"), default_recipe()
    objective = recipe.learners[DIRECT_STEP].booster.objective
    moving = [panel for panel in retailer_panels(2 * N_SKUS) if np.ptp(panel.price[0]) > 0][:N_SKUS]
    ours, plain, our_error, plain_error = [], [], [], []
    for number, panel in enumerate(moving):
        samples = build_samples(panel, calendar, recipe)
        rows = tuning_rows(samples, recipe, DIRECT_STEP)
        assert rows is not None
        if number == 0:
            search(samples, recipe, DIRECT_STEP, TuningPlan(1), 1)  # imports
        began = time.process_time()
        found = search(samples, recipe, DIRECT_STEP, TuningPlan(TRIALS), number)
        ours.append(time.process_time() - began)
        assert found is not None
        began = time.process_time()
        usual = plain_search(rows, objective, number)
        plain.append(time.process_time() - began)
        our_error.append(validation_error(rows, found))
        plain_error.append(validation_error(rows, usual))
    ratio = sum(plain) / sum(ours)
    error_ratio = float(np.mean(np.array(our_error) / np.array(plain_error)))
    print(f"{len(moving)} products of the synthetic retailer, {TRIALS} trials x 3 folds, one core, seconds a product")
    print(f"ours   {np.mean(ours):.2f}")
    print(f"plain  {np.mean(plain):.2f}   {ratio:.1f} times as long")
    print(f"validation error, ours over plain: {error_ratio:.3f}")
    met = np.mean(ours) < TARGET_SECONDS and ratio >= TARGET_RATIO and error_ratio <= 1.0
    print(f"target {TARGET_SECONDS} s, {TARGET_RATIO} times, error at most equal: {'met' if met else 'missed'}")


if __name__ == "__main__":
    main()
