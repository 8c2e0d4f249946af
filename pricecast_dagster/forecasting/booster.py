"""LightGBM, and nothing else of it anywhere: rows in, a booster's text out, and predictions of many boosters at once.

Belongs here: the library's parameters, its text form, grouped prediction. Not here: what the rows mean (`samples`, `members`)
and which hyperparameters are good (`recipe`, `tuning`).

A booster is kept as text from the moment it is fitted, so that a stored model and a fresh one are the same bytes.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.errors import TrainingError
from pricecast_dagster.forecasting.recipe import BoosterSettings

if TYPE_CHECKING:
    import lightgbm

# 63 bins instead of 255: a fit of 1,800 rows takes 35 ms instead of 60, at the same accuracy as far as we could see.
MAX_BIN = 63


def parameters(settings: BoosterSettings, seed: int) -> dict[str, Any]:
    """LightGBM's parameters: one thread, and the same bytes on every run."""
    return {
        "objective": settings.objective,
        "learning_rate": settings.learning_rate,
        "max_depth": settings.max_depth,
        "num_leaves": settings.num_leaves,
        "min_data_in_leaf": settings.min_child_samples,
        "bagging_fraction": settings.subsample,
        "bagging_freq": 1,
        "feature_fraction": settings.colsample_bytree,
        "lambda_l1": settings.reg_alpha,
        "lambda_l2": settings.reg_lambda,
        "max_bin": MAX_BIN,
        # Trials of different min_child_samples share one Dataset.
        "feature_pre_filter": False,
        # A SKU has some hundred rows: threads cost more than they bring (8 on 2 cores: 6 times as slow).
        "num_threads": 1,
        "deterministic": True,
        "force_col_wise": True,
        "seed": seed % (2**31 - 1),
        "verbosity": -1,
    }


def fit(features: NDArray[np.float64], target: NDArray[np.float64], settings: BoosterSettings, seed: int) -> str:
    """Fit one booster.

    Args:
        features: (rows, columns), NaN where unknown.
        target: (rows,).
        settings: hyperparameters.
        seed: of bagging and feature sampling.

    Returns:
        LightGBM's text form.

    Raises:
        TrainingError: there is no row, or LightGBM refuses them.
    """
    import lightgbm

    if not len(target):
        raise TrainingError("A booster cannot be fitted on no rows.")
    options = parameters(settings, seed)
    try:
        data = lightgbm.Dataset(features, target, params=options)
        # Keeping the training booster saves a round trip through its text, a fifth of the time of a fit.
        booster = lightgbm.train(options, data, num_boost_round=settings.n_estimators, keep_training_booster=True)
    except lightgbm.basic.LightGBMError as error:
        raise TrainingError(f"LightGBM refused {len(target)} rows: {error}.") from error
    return str(booster.model_to_string(num_iteration=-1, importance_type="gain"))


class FoldData:
    """The rows of one fold, binned once for all trials."""

    def __init__(
        self,
        features: NDArray[np.float64],
        target: NDArray[np.float64],
        train: NDArray[np.intp],
        validation: NDArray[np.intp],
    ) -> None:
        import lightgbm

        binning = {"max_bin": MAX_BIN, "feature_pre_filter": False, "verbosity": -1, "num_threads": 1}
        self.train = lightgbm.Dataset(features[train], target[train], params=binning, free_raw_data=True).construct()
        self.validation = lightgbm.Dataset(
            features[validation], target[validation], reference=self.train, params=binning
        ).construct()


def boost_together(folds: Sequence[FoldData], settings: BoosterSettings, seed: int) -> Iterator[list[float]]:
    """Boost the folds side by side, round by round, up to `settings.n_estimators`.

    Yields:
        After each round the RMSE of every fold on its validation rows, in units of the target.
    """
    import lightgbm

    options = parameters(settings, seed) | {"metric": "rmse"}
    boosters = [lightgbm.Booster(options, fold.train) for fold in folds]
    for fold, booster in zip(folds, boosters, strict=True):
        booster.add_valid(fold.validation, "validation")
    for _ in range(settings.n_estimators):
        for booster in boosters:
            booster.update()
        yield [float(booster.eval_valid()[0][2]) for booster in boosters]


class Boosters:
    """Some boosters, loaded from their texts; an empty text predicts 0.

    Loading one takes 0.4 ms, ten times as long as asking it for a row, so a recursion loads once and asks on every day ahead.
    They live as long as the forecast that needs them: kept for the next one, ten thousand products would fill gigabytes. Only
    those that all products share are kept.
    """

    def __init__(self, texts: Sequence[str], *, shared: bool = False) -> None:
        """Load them; `shared` says that the same few will be wanted again and again."""
        load = _kept if shared else _loaded
        self._loaded = [load(text) if text else None for text in texts]

    def predict(self, which: NDArray[np.intp], features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predict rows, each by its own booster.

        Args:
            which: (rows,) position of each row's booster, ascending.
            features: (rows, columns).

        Returns:
            (rows,); a row's value does not depend on the others.
        """
        predictions = np.zeros(len(features))
        starts = np.searchsorted(which, np.arange(len(self._loaded) + 1))
        heard = _heard.get()
        for booster, start, stop in zip(self._loaded, starts, starts[1:], strict=False):
            if booster is None or stop == start:
                continue
            rows = features[start:stop]
            predictions[start:stop] = booster.predict(rows, num_threads=1)
            if heard is not None:
                heard.append((rows, np.asarray(booster.predict(rows, num_threads=1, pred_contrib=True))))
        return predictions


def _loaded(text: str) -> "lightgbm.Booster":
    import lightgbm

    return lightgbm.Booster(model_str=text)


@lru_cache(maxsize=16)
def _kept(text: str) -> "lightgbm.Booster":
    return _loaded(text)


Heard: TypeAlias = list[tuple[NDArray[np.float64], NDArray[np.float64]]]
"""(rows, columns) features as they were predicted from, and (rows, columns + 1) what each adds (SHAP), the mean last."""

_heard: ContextVar[Heard | None] = ContextVar("heard", default=None)


@contextmanager
def overheard() -> Iterator[Heard]:
    """Within the block every prediction of this thread is noted with the share of each feature; it takes ten times as long."""
    heard: Heard = []
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)
