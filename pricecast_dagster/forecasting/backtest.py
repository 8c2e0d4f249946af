"""Backtest: what would have been forecast at past origins, and how that compares with the simple methods.

Belongs here: one SKU from one origin, the comparison table. Not here: choosing origins (`splits`), reading a source and
spreading the work over processes (`operations.evaluation`).

The history is cut at the origin before anything sees it: nothing after it can reach training, tuning, weights or bands.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.errors import SkuTooShortError
from pricecast_dagster.forecasting import metrics
from pricecast_dagster.forecasting.baselines import SIMPLE_METHODS
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.forecasts import Forecasts
from pricecast_dagster.forecasting.model import MINIMUM_HISTORY_DAYS, fallback, forecast, train
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.recipe import Recipe
from pricecast_dagster.forecasting.tuning import TuningPlan
from pricecast_dagster.schemas import HORIZON, LOWER_80, LOWER_95, ORIGIN, PRICE, SKU, UPPER_80, UPPER_95

if TYPE_CHECKING:
    import pandas as pd

OBSERVATIONS_TO_COUNT: Final = 60
"""SKU-origins with fewer observed days before the origin are left out of the comparison."""

WORSE_SHARE: Final = 0.01
OWN: Final = "pricecast"
_SCORES: Final = ("rmse", "mae", "wape", "ratio_to_last_value", "worse_than_last_value", "exactly_right")


def backtest(
    history: Panel,
    calendar: HolidayCalendar,
    origin: np.datetime64,
    horizon_days: int,
    *,
    tuning: TuningPlan | None,
    seed: int,
    recipe: Recipe | None = None,
    minimum_history_days: int = MINIMUM_HISTORY_DAYS,
) -> Forecasts:
    """Train one SKU on what was known at an origin, and forecast from there.

    Args:
        history: the panel of this SKU alone, whole; it is cut here.
        calendar: says which days are special.
        origin: the last day that is known.
        horizon_days: 1 to 60.
        tuning: None trains the recipe as it is.
        seed: of everything random.
        recipe: None means the default.
        minimum_history_days: under this a simple method answers, as it would in use.

    Returns:
        The forecast of the days after the origin; without SKUs where there was no price up to the origin.

    Raises:
        TrainingError: a member cannot be fitted.
    """
    known = history.until(origin)
    try:
        model = train(known, calendar, tuning=tuning, recipe=recipe, seed=seed, minimum_history_days=minimum_history_days)
    except SkuTooShortError:
        return fallback(known, horizon_days, at_end=True)
    return forecast([model], known, calendar, horizon_days, at_end=True)


def backtest_frame(results: Iterable[Forecasts]) -> "pd.DataFrame":
    """The rows of many backtests, of schemas.BACKTEST_COLUMNS, sorted by SKU, origin and day."""
    import pandas as pd

    frame = pd.concat([result.to_frame() for result in results], ignore_index=True)
    return frame.sort_values([SKU, ORIGIN, HORIZON], ignore_index=True)


def compare_with_simple(frame: "pd.DataFrame", panel: Panel) -> "pd.DataFrame":
    """Compare a backtest with the simple methods from the same origins on the same observed days.

    Scores are means over SKU-origins, but WAPE, which is of all days together; SKU-origins with fewer than 60
    observations before the origin, or with no observed day after it, are left out.

    Args:
        frame: rows of schemas.BACKTEST_COLUMNS, the same days ahead for every SKU and origin.
        panel: the whole history of its SKUs.

    Returns:
        One row a method, the backtested one first: `method, sku_origins, rmse, mae, wape` (percent), `ratio_to_last_value`
        (of the mean RMSE), `worse_than_last_value` (share of SKU-origins more than 1 % worse), `exactly_right` (share of days to
        the cent), `coverage_80, coverage_95` (the backtested one alone has bands).
    """
    import pandas as pd

    ordered = frame.sort_values([SKU, ORIGIN, HORIZON])
    horizon_days = int(ordered[HORIZON].max())
    shape = (-1, horizon_days)
    heads = ordered.iloc[::horizon_days]
    rows = pd.Index(panel.skus).get_indexer(pd.Index(heads[SKU]))
    columns = (heads[ORIGIN].to_numpy().astype("datetime64[D]") - panel.first_day).astype(np.intp)
    ahead = columns[:, None] + 1 + np.arange(horizon_days)
    inside = ahead < panel.n_days
    ahead = np.minimum(ahead, panel.n_days - 1)
    actual = panel.price[rows[:, None], ahead]
    counted = inside & panel.observed[rows[:, None], ahead]
    before = np.cumsum(panel.observed, axis=1)[rows, columns]
    usable = (before >= OBSERVATIONS_TO_COUNT) & counted.any(axis=1)

    cut = panel.select(rows)
    answers = {OWN: ordered[PRICE].to_numpy().reshape(shape)}
    answers |= {name: method(cut, columns, horizon_days) for name, method in SIMPLE_METHODS.items()}
    last = metrics.rmse(actual, answers["last value"], counted)[usable]
    table = [_scores(name, actual[usable], answer[usable], counted[usable], last) for name, answer in answers.items()]
    for level, lower, upper in ((80, LOWER_80, UPPER_80), (95, LOWER_95, UPPER_95)):
        bands = [ordered[column].to_numpy().reshape(shape)[usable].ravel() for column in (lower, upper)]
        table[0][f"coverage_{level}"] = float(
            metrics.coverage(actual[usable].ravel(), bands[0], bands[1], counted[usable].ravel())
        )
    return pd.DataFrame(table)


def _scores(
    name: str,
    actual: NDArray[np.float64],
    answer: NDArray[np.float64],
    counted: NDArray[np.bool_],
    last: NDArray[np.float64],
) -> dict[str, object]:
    rmse = metrics.rmse(actual, answer, counted)
    if not len(rmse):
        return {"method": name, "sku_origins": 0} | dict.fromkeys(_SCORES, np.nan)
    return {
        "method": name,
        "sku_origins": len(rmse),
        "rmse": float(rmse.mean()),
        "mae": float(metrics.mae(actual, answer, counted).mean()),
        "wape": 100 * float(metrics.wape(actual.ravel(), answer.ravel(), counted.ravel())),
        "ratio_to_last_value": float(rmse.mean() / last.mean()) if last.any() else np.nan,
        "worse_than_last_value": float((rmse > last * (1 + WORSE_SHARE)).mean()),
        "exactly_right": float((np.abs(answer - actual) < 0.005)[counted].mean()),
    }
