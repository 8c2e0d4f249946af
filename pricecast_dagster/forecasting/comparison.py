"""Comparison: a backtest's forecasts laid beside what happened and beside the simple methods, and the tables made of that.

Belongs here: which SKU-origins count, tables by method, by day ahead and by product. Not here: the formulas (`metrics`), making
the forecasts (`backtest`), drawing them (`operations.backtest_charts`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting import metrics
from pricecast_dagster.forecasting.baselines import SIMPLE_METHODS
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.schemas import HORIZON, LEVELS, ORIGIN, PRICE, SKU

if TYPE_CHECKING:
    import pandas as pd

OBSERVATIONS_TO_COUNT: Final = 60
"""SKU-origins with fewer observed days before the origin are left out of the comparison."""

WORSE_SHARE: Final = 0.01
OWN: Final = "pricecast"
LAST_VALUE: Final = "last value"

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Judged:
    """Forecasts beside what happened; u SKU-origins that count, h days ahead.

    Attributes:
        skus: (u,) names, as objects.
        actual: (u, h) prices; counted: (u, h) whether that day was observed.
        answers: method -> (u, h); the backtested one first, then the simple methods.
        bands: level in percent -> lower and upper (u, h) of the backtested one.
    """

    skus: NDArray[np.object_]
    actual: Values
    counted: NDArray[np.bool_]
    answers: dict[str, Values]
    bands: dict[int, tuple[Values, Values]]


def judge(frame: "pd.DataFrame", panel: Panel) -> Judged:
    """Lay a backtest beside what happened and beside the simple methods from the same origins.

    SKU-origins with fewer than 60 observations before the origin, or with no observed day after it, are left out.

    Args:
        frame: rows of schemas.BACKTEST_COLUMNS, the same days ahead for every SKU and origin.
        panel: the whole history of its SKUs.
    """
    import pandas as pd

    ordered = frame.sort_values([SKU, ORIGIN, HORIZON])
    horizon_days = int(ordered[HORIZON].max())
    heads = ordered.iloc[::horizon_days]
    rows = pd.Index(panel.skus).get_indexer(pd.Index(heads[SKU]))
    columns = (heads[ORIGIN].to_numpy().astype("datetime64[D]") - panel.first_day).astype(np.intp)
    ahead = columns[:, None] + 1 + np.arange(horizon_days)
    inside = ahead < panel.n_days
    ahead = np.minimum(ahead, panel.n_days - 1)
    counted = inside & panel.observed[rows[:, None], ahead]
    before = np.cumsum(panel.observed, axis=1)[rows, columns]
    usable = (before >= OBSERVATIONS_TO_COUNT) & counted.any(axis=1)

    def laid_out(column: str) -> Values:
        return np.asarray(ordered[column].to_numpy().reshape(-1, horizon_days)[usable])

    cut = panel.select(rows[usable])
    simple = {name: method(cut, columns[usable], horizon_days) for name, method in SIMPLE_METHODS.items()}
    return Judged(
        skus=heads[SKU].to_numpy(dtype=object)[usable],
        actual=panel.price[rows[:, None], ahead][usable],
        counted=counted[usable],
        answers={OWN: laid_out(PRICE), **simple},
        bands={level: (laid_out(f"lower_{level}"), laid_out(f"upper_{level}")) for level in LEVELS},
    )


def by_method(judged: Judged) -> "pd.DataFrame":
    """One row a method, the backtested one first.

    Scores are means over SKU-origins, but WAPE, coverage and the scores of bands, which are of all days together.

    Returns:
        `method, sku_origins, rmse, mae, wape` (percent), `ratio_to_last_value` (of the mean RMSE), `worse_than_last_value` (share
        of SKU-origins more than 1 % worse), `exactly_right` (share of days to the cent), and of the backtested one, which alone
        has bands: `coverage_80, coverage_95`, and in price units `width_80, width_95`, `winkler_80, winkler_95`, `quantile_loss`
        (mean over the quantiles that are served: the price as the median, and the bands' ends).
    """
    import pandas as pd

    last = metrics.rmse(judged.actual, judged.answers[LAST_VALUE], judged.counted)
    table = [_point_scores(name, judged, answer, last) for name, answer in judged.answers.items()]
    if len(last):
        table[0] |= _band_scores(_everything(judged))
    return pd.DataFrame(table, columns=[*_POINT_COLUMNS, *BAND_COLUMNS])


def by_horizon(judged: Judged) -> "pd.DataFrame":
    """One row a method and day ahead.

    Returns:
        `method, horizon, days` (how many), `rmse, mae, wape` (percent) over all products, `ratio_to_last_value` (of that RMSE),
        and the scores of the bands as in `by_method`.
    """
    import pandas as pd

    table = []
    for position in range(judged.actual.shape[1]):
        day = _of_day(judged, position)
        errors = {name: float(metrics.rmse(day.actual, answer, day.counted)) for name, answer in day.answers.items()}
        for name, answer in day.answers.items():
            row = {
                "method": name,
                "horizon": position + 1,
                "days": int(day.counted.sum()),
                "rmse": errors[name],
                "mae": float(metrics.mae(day.actual, answer, day.counted)),
                "wape": 100 * float(metrics.wape(day.actual, answer, day.counted)),
                "ratio_to_last_value": _ratio(errors[name], errors[LAST_VALUE]),
            }
            table.append(row | (_band_scores(day) if name == OWN else {}))
    columns = ["method", "horizon", "days", "rmse", "mae", "wape", "ratio_to_last_value", *BAND_COLUMNS]
    return pd.DataFrame(table, columns=columns).sort_values(["method", "horizon"], ignore_index=True, kind="stable")


def by_product(judged: Judged) -> "pd.DataFrame":
    """One row a product, in the order of their names.

    Returns:
        `sku, origins, rmse, rmse_last_value` (means over its origins), `best_simple` (the simple method with the least RMSE),
        `rmse_best_simple`, `ratio_to_last_value, ratio_to_best_simple` (1 where both are exact, NaN where only the other is),
        `wape` (percent), `coverage_80, coverage_95`.
    """
    import pandas as pd

    rmse = {name: metrics.rmse(judged.actual, answer, judged.counted) for name, answer in judged.answers.items()}
    table = []
    for sku in sorted(set(judged.skus)):
        own = np.flatnonzero(judged.skus == sku)
        errors = {name: float(values[own].mean()) for name, values in rmse.items()}
        best = min(SIMPLE_METHODS, key=errors.__getitem__)
        days = judged.actual[own].ravel(), judged.counted[own].ravel()
        row: dict[str, object] = {
            "sku": sku,
            "origins": len(own),
            "rmse": errors[OWN],
            "rmse_last_value": errors[LAST_VALUE],
            "best_simple": best,
            "rmse_best_simple": errors[best],
            "ratio_to_last_value": _ratio(errors[OWN], errors[LAST_VALUE]),
            "ratio_to_best_simple": _ratio(errors[OWN], errors[best]),
            "wape": 100 * float(metrics.wape(days[0], judged.answers[OWN][own].ravel(), days[1])),
        }
        for level, (lower, upper) in judged.bands.items():
            row[f"coverage_{level}"] = float(metrics.coverage(days[0], lower[own].ravel(), upper[own].ravel(), days[1]))
        table.append(row)
    return pd.DataFrame(table, columns=_PRODUCT_COLUMNS)


def _point_scores(name: str, judged: Judged, answer: Values, last: Values) -> dict[str, object]:
    actual, counted = judged.actual, judged.counted
    rmse = metrics.rmse(actual, answer, counted)
    if not len(rmse):
        return {"method": name, "sku_origins": 0}
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


def _band_scores(days: Judged) -> dict[str, object]:
    """Scores of the bands over days in one row (days,)."""
    scores: dict[str, object] = {}
    losses = [metrics.pinball(days.actual, days.answers[OWN], days.counted, probability=0.5)]
    for level, (lower, upper) in days.bands.items():
        share = level / 100
        scores[f"coverage_{level}"] = float(metrics.coverage(days.actual, lower, upper, days.counted))
        # Actual prices at the band's lower end are never outside it: what is left of the score is the width.
        scores[f"width_{level}"] = float(metrics.winkler(lower, lower, upper, days.counted, level=share))
        scores[f"winkler_{level}"] = float(metrics.winkler(days.actual, lower, upper, days.counted, level=share))
        losses.append(metrics.pinball(days.actual, lower, days.counted, probability=(1 - share) / 2))
        losses.append(metrics.pinball(days.actual, upper, days.counted, probability=(1 + share) / 2))
    return scores | {"quantile_loss": float(np.mean(losses))}


def _everything(judged: Judged) -> Judged:
    """All days of all SKU-origins in one row."""
    return Judged(
        judged.skus,
        judged.actual.ravel(),
        judged.counted.ravel(),
        {name: answer.ravel() for name, answer in judged.answers.items()},
        {level: (lower.ravel(), upper.ravel()) for level, (lower, upper) in judged.bands.items()},
    )


def _of_day(judged: Judged, position: int) -> Judged:
    """One day ahead of all SKU-origins, in one row."""
    return Judged(
        judged.skus,
        judged.actual[:, position],
        judged.counted[:, position],
        {name: answer[:, position] for name, answer in judged.answers.items()},
        {level: (lower[:, position], upper[:, position]) for level, (lower, upper) in judged.bands.items()},
    )


def _ratio(own: float, other: float) -> float:
    """Own error over another's; two exact forecasts are equally good."""
    return own / other if other > 0 else (1.0 if own == 0 else float("nan"))


BAND_COLUMNS: Final = (
    *(f"coverage_{level}" for level in LEVELS),
    *(f"width_{level}" for level in LEVELS),
    *(f"winkler_{level}" for level in LEVELS),
    "quantile_loss",
)
_POINT_COLUMNS: Final = (
    "method",
    "sku_origins",
    "rmse",
    "mae",
    "wape",
    "ratio_to_last_value",
    "worse_than_last_value",
    "exactly_right",
)
_PRODUCT_COLUMNS: Final = [
    "sku",
    "origins",
    "rmse",
    "rmse_last_value",
    "best_simple",
    "rmse_best_simple",
    "ratio_to_last_value",
    "ratio_to_best_simple",
    "wape",
    *(f"coverage_{level}" for level in LEVELS),
]
