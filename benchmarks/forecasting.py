"""Forecasting many SKUs at once: seconds for 1,000 SKUs, against rebuilding every feature with pandas at each step.

The peer is the usual recursive loop: for each SKU and day ahead, append the forecast to a frame, compute the rolling windows
and lags again with pandas, ask one booster for one row. It answers for one member; ours for all of them, with their blend
and bands. Run: python -m benchmarks.forecasting
"""

import time

import numpy as np
import pandas as pd

from benchmarks.training import retailer_panels
from pricecast_dagster.forecasting.calendar import HolidayCalendar, calendar_features
from pricecast_dagster.forecasting.features import feature_cube
from pricecast_dagster.forecasting.model import forecast, train
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.schemas import LAGS, WINDOWS

N_SKUS, HORIZON, PEER_SKUS, TRAINED = 1000, 14, 4, 20
TARGET_SECONDS, TARGET_SECONDS_FAR, TARGET_RATIO = 1.0, 3.0, 20.0


def pandas_step(price: pd.Series, quantity: pd.Series, calendar: HolidayCalendar) -> np.ndarray:
    """The features of the next day, the way they are usually rebuilt."""
    day = np.array([price.index[-1] + pd.Timedelta(days=1)], dtype="datetime64[D]")
    values = list(calendar_features(day, calendar)[0])
    for series, statistics in ((price, ("mean", "std", "min", "max")), (quantity, ("mean", "std", "sum"))):
        values += [series.iloc[-lag] for lag in LAGS]
        for statistic in statistics:
            values += [series.rolling(window).agg(statistic).iloc[-1] for window in WINDOWS]
    means = [price.rolling(window).mean().iloc[-1] for window in (7, 30)]
    values += [price.iloc[-1] / means[0], price.iloc[-1] / means[1], price.rolling(7).std().iloc[-1] / means[0]]
    return np.array([values])


def peer(panel: Panel, calendar: HolidayCalendar) -> float:
    """Process time of the pandas loop for one SKU; fitting its booster is not counted."""
    from lightgbm import LGBMRegressor

    booster = LGBMRegressor(n_estimators=80, num_leaves=12, n_jobs=1, verbose=-1)
    booster.fit(feature_cube(panel, calendar)[0, 30:], panel.price[0, 30:])
    days = pd.DatetimeIndex(panel.days)
    price, quantity = pd.Series(panel.price[0], days), pd.Series(panel.quantity[0], days)
    began = time.process_time()
    for _ in range(HORIZON):
        answer = booster.booster_.predict(pandas_step(price, quantity, calendar))[0]
        following = price.index[-1] + pd.Timedelta(days=1)
        price.loc[following], quantity.loc[following] = answer, quantity.iloc[-7]
    return time.process_time() - began


def main() -> None:
    """Print what 1,000 SKUs take, what the pandas loop would, and the ratio."""
    calendar = HolidayCalendar("BR")
    singles = retailer_panels(N_SKUS)
    # A model answers for a product it was not trained on at the same cost: twenty are enough, each asked fifty times.
    trained = [train(panel, calendar, tuning=None, seed=1) for panel in singles[:TRAINED]]
    panel = Panel(
        tuple(single.skus[0] for single in singles),
        singles[0].first_day,
        np.concatenate([single.price for single in singles]),
        np.concatenate([single.quantity for single in singles]),
        np.concatenate([single.observed for single in singles]),
    )
    models = [trained[row % TRAINED] for row in range(N_SKUS)]
    forecast(models, panel, calendar, HORIZON)  # imports
    print(f"{N_SKUS} products, one core")
    for horizon in (HORIZON, 60):
        began = time.process_time()
        forecast(models, panel, calendar, horizon)
        seconds = time.process_time() - began
        print(f"{horizon:>2} days, all members, blend and bands   {seconds:7.3f} s")
        if horizon == HORIZON:
            ours = seconds
        else:
            far = "met" if seconds < TARGET_SECONDS_FAR else "missed"
            print(f"   target {TARGET_SECONDS_FAR} s: {far}")
    loop = float(np.mean([peer(single, calendar) for single in singles[:PEER_SKUS]])) * N_SKUS
    print(f"{HORIZON} days, one member, pandas at each step {loop:7.1f} s ({PEER_SKUS} products measured)")
    met = "met" if ours < TARGET_SECONDS and loop / ours >= TARGET_RATIO else "missed"
    print(f"{loop / ours:.0f} times as long; target {TARGET_SECONDS} s and {TARGET_RATIO:.0f} times: {met}")


if __name__ == "__main__":
    main()
