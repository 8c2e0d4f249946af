"""The report of a backtest: its tables and charts, as files in a folder.

Belongs here: which files there are and their formats. Not here: the numbers (`forecasting.comparison`), drawing
(`backtest_charts`), the file of forecasts (`evaluation.write`).
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pricecast_dagster.operations import backtest_charts
from pricecast_dagster.operations.evaluation import Backtest, BacktestPlan

if TYPE_CHECKING:
    import pandas as pd

FORECASTS: Final = "forecasts.csv"
PAGE: Final = "report.html"
SUMMARY: Final = "report.json"
_LISTED_PRODUCTS: Final = 20


def write_report(folder: Path, done: Backtest, plan: BacktestPlan) -> list[Path]:
    """Write tables (CSV, and all in one JSON), charts (PNG) and a page (HTML) into a folder; made if it is not there.

    The same backtest writes the same bytes.

    Returns:
        The files that were written, in order of importance.
    """
    from pricecast_dagster.forecasting import comparison

    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "by_method": comparison.by_method(done.judged),
        "by_horizon": comparison.by_horizon(done.judged),
        "by_product": comparison.by_product(done.judged),
    }
    charts = backtest_charts.charts_of(tables["by_horizon"], tables["by_product"])
    page = backtest_charts.page(charts, _readable(tables), title="pricecast backtest", remarks=_remarks(done, plan))
    written = [folder / PAGE, folder / SUMMARY]
    written[0].write_text(page, encoding="utf-8")
    written[1].write_text(_summary(tables, done, plan), encoding="utf-8")
    for name, table in tables.items():
        written.append(folder / f"{name}.csv")
        table.to_csv(written[-1], index=False)
    for chart in charts:
        written.append(folder / f"{chart.name}.png")
        backtest_charts.draw(chart, written[-1])
    return written


def _summary(tables: "dict[str, pd.DataFrame]", done: Backtest, plan: BacktestPlan) -> str:
    # By way of pandas, which writes a missing number as null.
    rows = {name: json.loads(table.to_json(orient="records", double_precision=15)) for name, table in tables.items()}
    return json.dumps({"plan": asdict(plan), **rows, "failed": dict(done.failed)}, indent=1, ensure_ascii=False) + "\n"


def _readable(tables: "dict[str, pd.DataFrame]") -> "dict[str, pd.DataFrame]":
    by_product = tables["by_product"].sort_values(["ratio_to_best_simple", "sku"], ascending=[False, True])
    return {
        "By method": tables["by_method"],
        f"The {_LISTED_PRODUCTS} products furthest behind the best simple method": by_product.head(_LISTED_PRODUCTS),
    }


def _remarks(done: Backtest, plan: BacktestPlan) -> list[str]:
    tuned = f"{plan.trials} tuning trials" if plan.trials else "no tuning"
    refit = "trained at every origin" if plan.refit_every_days is None else f"fitted again every {plan.refit_every_days} days"
    return [
        f"{done.forecasts['sku'].nunique():,} products from {plan.origins} origins {plan.step_days} days apart, "
        f"{plan.horizon_days} days ahead; {refit}, {tuned}.",
        "Nothing after an origin was seen. Observed days count, of products with at least 60 observations before the origin.",
        *([f"{len(done.failed)} have no forecast; they are in {SUMMARY}."] if done.failed else []),
    ]
