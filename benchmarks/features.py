"""The 45 features of 200 SKUs x 365 days: our one numpy pass against pandas' grouped rolling windows.

The peer computes the same windowed features (34 of the 45, no calendar) with one `groupby().rolling()` per column,
window and statistic, on the same rows; that both agree is checked first. Run: python -m benchmarks.features
"""

import numpy as np
import pandas as pd

from benchmarks.timing import REPEATS, best_seconds
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.features import feature_cube
from pricecast_dagster.forecasting.panel import build_panel
from pricecast_dagster.schemas import CALENDAR_FEATURES, FEATURE_COLUMNS, LAGS, PRICE, QUANTITY, SKU, WINDOWS
from pricecast_dagster.testing import random_history

N_SKUS, N_DAYS = 200, 365
TARGET_SECONDS = 0.3


def pandas_features(frame: pd.DataFrame) -> pd.DataFrame:
    """The windowed and derived features, the way they are usually written."""
    columns = {}
    for name, statistics in ((PRICE, ("mean", "std", "min", "max")), (QUANTITY, ("mean", "std", "sum"))):
        grouped = frame.groupby(SKU, sort=False)[name]
        for lag in LAGS:
            columns[f"{name}_lag_{lag}"] = grouped.shift(lag)
        known = grouped.shift(1).groupby(frame[SKU], sort=False)
        for window in WINDOWS:
            for statistic in statistics:
                rolled = known.rolling(window).agg(statistic)
                columns[f"{name}_rolling_{statistic}_{window}"] = rolled.droplevel(0)
    features = pd.DataFrame(columns)
    features["price_vs_ma7"] = features["price_lag_1"] / features["price_rolling_mean_7"]
    features["price_vs_ma30"] = features["price_lag_1"] / features["price_rolling_mean_30"]
    features["price_volatility_7"] = features["price_rolling_std_7"] / features["price_rolling_mean_7"]
    return features


def main() -> None:
    """Print both times, the ratio, and whether the target is met."""
    calendar = HolidayCalendar("BR")
    frame = random_history(N_SKUS, N_DAYS, seed=42)
    panel = build_panel(frame)
    cube = feature_cube(panel, calendar)
    windowed = list(FEATURE_COLUMNS[len(CALENDAR_FEATURES) :])
    peer = pandas_features(frame)[windowed].to_numpy().reshape(N_SKUS, N_DAYS, -1)
    # pandas adds to and takes from running sums: 1e-6 of deviation is left over where prices have long stood still.
    np.testing.assert_allclose(cube[..., len(CALENDAR_FEATURES) :], peer, rtol=1e-6, atol=1e-5)

    ours = best_seconds(lambda: feature_cube(panel, calendar))
    with_panel = best_seconds(lambda: feature_cube(build_panel(frame), calendar))
    theirs = best_seconds(lambda: pandas_features(frame))
    print(f"{N_SKUS} SKUs x {N_DAYS} days, process time, best of {REPEATS}")
    print(f"  pricecast, 45 features          {ours:7.3f} s   target under {TARGET_SECONDS} s")
    print(f"  pricecast, rows to 45 features  {with_panel:7.3f} s")
    print(f"  pandas, 34 features             {theirs:7.3f} s   {theirs / ours:.0f} times as long")


if __name__ == "__main__":
    main()
