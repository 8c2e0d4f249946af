"""The peers, each forecasting the same products from the same days: `python peers.py FOLDER NAME`, in their own environment.

Belongs here: how each peer is asked. Not here: pricecast (this file imports nothing of it, and pricecast nothing of this but by
`exchange`).

FOLDER holds `history.parquet` (unique_id, ds, y: daily, carried forward) and `cases.parquet` (unique_id, origin, horizon); the
answers go to `NAME.parquet` (unique_id, origin, ahead, price, and lower_80 to upper_95 where the peer has bands). Every peer
sees a history up to the origin only. Settings are the libraries' defaults, or their documentation's where they have none.
"""

import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

WEEK = 7
AUTOARIMA_EVERY = 8
LEVELS = (80, 95)


def main() -> None:
    """Ask one peer for one set."""
    folder, name = Path(sys.argv[1]), sys.argv[2]
    warnings.filterwarnings("ignore")
    history = pd.read_parquet(folder / "history.parquet").astype({"ds": "datetime64[ns]"})
    cases = pd.read_parquet(folder / "cases.parquet").astype({"origin": "datetime64[ns]"})
    horizon = int(cases["horizon"].iloc[0])
    if name == "AutoARIMA":
        some = sorted(cases["unique_id"].unique())[::AUTOARIMA_EVERY]
        cases = cases[cases["unique_id"].isin(some)]
    answers = []
    for origin in cases["origin"].unique():
        skus = cases.loc[cases["origin"] == origin, "unique_id"]
        known = history[history["unique_id"].isin(set(skus)) & (history["ds"] <= origin)]
        answer: pd.DataFrame = PEERS[name](known, horizon)
        ahead = (answer["ds"].to_numpy() - np.datetime64(origin)) // np.timedelta64(1, "D")
        answers.append(answer.assign(origin=origin, ahead=ahead).drop(columns="ds"))
    pd.concat(answers, ignore_index=True).to_parquet(folder / f"{name}.parquet", index=False)


def statistical(model: str) -> Callable[[pd.DataFrame, int], pd.DataFrame]:
    """A model of statsforecast with a weekly season and its own bands; a naive one where it cannot be fitted."""

    def answer(known: pd.DataFrame, horizon: int) -> pd.DataFrame:
        from statsforecast import StatsForecast, models

        chosen = getattr(models, model)(season_length=WEEK)
        forecaster = StatsForecast(models=[chosen], freq="D", fallback_model=models.Naive())
        frame = forecaster.forecast(df=known, h=horizon, level=list(LEVELS))
        names = {model: "price"}
        for level in LEVELS:
            names |= {f"{model}-lo-{level}": f"lower_{level}", f"{model}-hi-{level}": f"upper_{level}"}
        answer: pd.DataFrame = frame.rename(columns=names)[["unique_id", "ds", *names.values()]]
        return answer

    return answer


def global_boosting(known: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """mlforecast: one LightGBM for all products, each scaled by its own mean and deviation."""
    from lightgbm import LGBMRegressor
    from mlforecast import MLForecast
    from mlforecast.lag_transforms import RollingMean, RollingStd
    from mlforecast.target_transforms import LocalStandardScaler

    forecaster = MLForecast(
        models={
            "price": LGBMRegressor(n_estimators=200, learning_rate=0.05, num_leaves=31, verbosity=-1, n_jobs=1, random_state=1)
        },
        freq="D",
        lags=[1, 2, 3, 7, 14, 28],
        lag_transforms={1: [RollingMean(7), RollingMean(28), RollingStd(14)]},
        date_features=["dayofweek", "day"],
        target_transforms=[LocalStandardScaler()],
    )
    answer: pd.DataFrame = forecaster.fit(known, static_features=[]).predict(horizon)
    return answer


def boosting_of_each(known: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """skforecast: a recursive LightGBM of each product alone, with lags and rolling means."""
    return pd.concat(_each(known, horizon), ignore_index=True)


def _each(known: pd.DataFrame, horizon: int) -> Iterator[pd.DataFrame]:
    from lightgbm import LGBMRegressor
    from skforecast.preprocessing import RollingFeatures
    from skforecast.recursive import ForecasterRecursive

    for sku, rows in known.groupby("unique_id"):
        price = rows.set_index("ds")["y"].asfreq("D")
        ahead = pd.date_range(price.index[-1] + pd.Timedelta(days=1), periods=horizon)
        answer = np.full(horizon, price.iloc[-1])
        if price.nunique() > 1:
            booster = LGBMRegressor(n_estimators=100, learning_rate=0.05, num_leaves=15, verbosity=-1, n_jobs=1, random_state=1)
            windows = RollingFeatures(stats=["mean", "mean", "std"], window_sizes=[7, 28, 14])
            forecaster = ForecasterRecursive(booster, lags=[1, 2, 3, 7, 14, 28], window_features=windows)
            forecaster.fit(y=price)
            answer = forecaster.predict(steps=horizon).to_numpy()
        yield pd.DataFrame({"unique_id": sku, "ds": ahead, "price": answer})


PEERS: dict[str, Callable[[pd.DataFrame, int], pd.DataFrame]] = {
    "AutoETS": statistical("AutoETS"),
    "DynamicOptimizedTheta": statistical("DynamicOptimizedTheta"),
    "AutoARIMA": statistical("AutoARIMA"),
    "mlforecast": global_boosting,
    "skforecast": boosting_of_each,
}

if __name__ == "__main__":
    main()
