"""The engines of the XGBoost and CatBoost members; both are in the extra `ensemble`.

Belongs here: the two libraries' parameters and text forms, and nowhere else. Not here: rows and target (`additional`), LightGBM
(`booster`). Both boost squared errors with the size, rate and rounds of `direct_step`, on one thread.
"""

import base64
from types import ModuleType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.errors import TrainingError
from pricecast_dagster.forecasting.members.protocol import Engine
from pricecast_dagster.forecasting.recipe import CATBOOST, XGBOOST, Learner

_OF_THE_MOMENT: Final = ("model_guid", "train_finish_time")
"""What CatBoost writes into a model that is another with every fit."""


def fit_xgboost(features: NDArray[np.float64], target: NDArray[np.float64], learner: Learner, seed: int) -> str:
    """XGBoost's JSON.

    Raises:
        TrainingError: XGBoost is not installed.
    """
    xgboost = _library(XGBOOST)
    settings = learner.booster
    options = {
        "objective": "reg:squarederror",
        "eta": settings.learning_rate,
        "max_depth": settings.max_depth,
        "max_leaves": settings.num_leaves,
        # Of squared errors every row's hessian is 1: the least weight of a leaf is its least number of rows.
        "min_child_weight": settings.min_child_samples,
        "subsample": settings.subsample,
        "colsample_bytree": settings.colsample_bytree,
        "alpha": settings.reg_alpha,
        "lambda": settings.reg_lambda,
        "tree_method": "hist",
        "max_bin": 63,
        "nthread": 1,
        "seed": seed % 2**31,
        "verbosity": 0,
    }
    data = xgboost.DMatrix(features, target, nthread=1)
    booster = xgboost.train(options, data, num_boost_round=settings.n_estimators)
    return bytes(booster.save_raw("json")).decode()


def load_xgboost(text: str) -> Engine:
    """The booster."""
    xgboost = _library(XGBOOST)
    booster = xgboost.Booster({"nthread": 1}, model_file=bytearray(text.encode()))
    return lambda features: np.asarray(booster.predict(xgboost.DMatrix(features, nthread=1)), dtype=np.float64)


def fit_catboost(features: NDArray[np.float64], target: NDArray[np.float64], learner: Learner, seed: int) -> str:
    """CatBoost's own form, in base 64.

    Raises:
        TrainingError: CatBoost is not installed.
    """
    catboost = _library(CATBOOST)
    settings = learner.booster
    model = catboost.CatBoostRegressor(
        iterations=settings.n_estimators,
        learning_rate=settings.learning_rate,
        depth=settings.max_depth,
        l2_leaf_reg=settings.reg_lambda,
        bootstrap_type="Bernoulli",
        subsample=settings.subsample,
        rsm=settings.colsample_bytree,
        border_count=63,
        thread_count=1,
        random_seed=seed % 2**31,
        allow_writing_files=False,
        logging_level="Silent",
    ).fit(features, target)
    about = model.get_metadata()
    for name in _OF_THE_MOMENT:
        about[name] = ""
    # What pickling it writes; the public way to bytes goes through a file, and numerics do not touch the disk.
    return base64.b64encode(model._serialize_model()).decode()


def load_catboost(text: str) -> Engine:
    """The booster."""
    model = _library(CATBOOST).CatBoostRegressor()
    model.load_model(blob=base64.b64decode(text))
    return lambda features: np.asarray(model.predict(features, thread_count=1), dtype=np.float64)


def _library(name: str) -> ModuleType:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise TrainingError(
            f"The member {name!r} needs the package of that name, which is not installed.",
            remedy="Install pricecast-dagster[ensemble], or take the member out of PRICECAST_MEMBERS.",
        ) from error
