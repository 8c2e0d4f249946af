"""Panel, origins, simple methods and metrics together give the figures published with the real data."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pricecast_dagster.forecasting import metrics
from pricecast_dagster.forecasting.baselines import SIMPLE_METHODS
from pricecast_dagster.forecasting.panel import Panel, build_panel
from pricecast_dagster.forecasting.splits import rolling_origins

DATA = Path(__file__).parents[2].parent / "shared" / "data"
HORIZON_DAYS = 14


def real_panel(name: str) -> Panel:
    file = DATA / name / "history.csv.gz"
    if not file.exists():
        pytest.skip(f"the real histories are not beside this checkout: no {name}/history.csv.gz in ../shared/data")
    return build_panel(pd.read_csv(file, parse_dates=["date"], dtype={"sku": str}))


@pytest.mark.parametrize(
    ("name", "sku_origins", "published"),
    [
        (
            "online_retail",
            1091,
            {"last value": (1.070, 0.805), "seasonal naive": (1.020, 0.687), "7-day mean": (0.843, 0.632)},
        ),
        (
            "complete_journey",
            189,
            {"last value": (0.575, 0.503), "seasonal naive": (0.581, 0.503), "7-day mean": (0.537, 0.476)},
        ),
    ],
)
def test_simple_methods_have_the_published_errors_on_real_data(name, sku_origins, published):
    panel = real_panel(name)
    errors: dict[str, list[np.ndarray]] = {method: [] for method in published}
    for origin in rolling_origins(panel.days[-1], count=4, step_days=14, horizon_days=HORIZON_DAYS):
        known = panel.until(origin)
        ahead = slice(known.n_days, known.n_days + HORIZON_DAYS)
        actual, counted = panel.price[:, ahead], panel.observed[:, ahead]
        long_enough = known.observed.sum(axis=1) >= 60
        for method, scores in errors.items():
            origins = np.full(known.n_skus, known.n_days - 1)
            predicted = SIMPLE_METHODS[method](known, origins, HORIZON_DAYS)
            both = [score(actual, predicted, counted)[long_enough] for score in (metrics.rmse, metrics.mae)]
            scores.append(np.array(both))
    for method, expected in published.items():
        scores = np.concatenate(errors[method], axis=1)
        scores = scores[:, np.isfinite(scores[0])]
        assert scores.shape[1] == sku_origins
        np.testing.assert_allclose(scores.mean(axis=1), expected, atol=0.0006, err_msg=method)
