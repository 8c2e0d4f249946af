"""`backtest`: forecasts from a source's past, compared with what happened.

Belongs here: its options and the table of the comparison. Not here: the backtest (`operations.evaluation`), its files
(`operations.backtest_report`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pricecast_dagster.cli.options import FileWithSuffix, jobs_option, refuse_both, settings_with, skus_option, tuning_options

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.option("--out", "file", type=FileWithSuffix(".csv", ".parquet"), help="File of forecasts to write (.csv or .parquet).")
@click.option(
    "--output",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for tables (CSV, JSON) and charts (HTML, PNG); also for the forecasts, without --out.",
)
@click.option("--source", help="Folder, file or URL to read.  [default: PRICECAST_SOURCE]")
@click.option(
    "--origins", type=click.IntRange(min=1), default=4, show_default=True, help="Origins, counted back from the last day."
)
@click.option("--step", type=click.IntRange(min=1), default=14, show_default=True, help="Days between two origins.")
@click.option("--horizon", type=click.IntRange(1, 60), default=14, show_default=True, help="Days ahead.")
@click.option(
    "--refit-every",
    "refit_every",
    type=click.IntRange(min=1),
    metavar="DAYS",
    help="Train at the oldest origin, then fit again only after so many days, as in use.  [default: train at every origin]",
)
@skus_option("Only this product")
@tuning_options()
@jobs_option()
def backtest(
    file: Path | None,
    folder: Path | None,
    source: str | None,
    origins: int,
    step: int,
    horizon: int,
    refit_every: int | None,
    skus: tuple[str, ...],
    no_optimize: bool,
    trials: int | None,
    jobs: int | None,
) -> None:
    """Forecast from several origins in the past, and compare with what happened and with the naive methods.

    Nothing after an origin is seen: not by training, tuning, calibration or selection.
    """
    from pricecast_dagster.cli.screen import progress, remarks, results
    from pricecast_dagster.forecasting.comparison import by_method
    from pricecast_dagster.operations import backtest_report, evaluation

    if file is None and folder is None:
        raise click.UsageError("Say where the result goes: --out FILE, --output FOLDER, or both.")
    refuse_both(no_optimize, trials)
    settings = settings_with(source=source, jobs=jobs)
    tried = 0 if no_optimize else trials or settings.trials
    plan = evaluation.BacktestPlan(origins, step, horizon, skus, tried, refit_every)
    with progress("Backtesting") as advance:
        done = evaluation.backtest(settings, plan, lambda count, total: advance(count, total, ""))
    _show(by_method(done.judged))
    for sku, error in list(done.failed.items())[:20]:
        results().print(f"{sku}: {error}", style="red", markup=False)
    if folder is not None:
        backtest_report.write_report(folder, done, plan)
        remarks().print(f"Tables and charts are in {folder}; begin with {backtest_report.PAGE}.", markup=False)
    forecasts = file or Path(str(folder)) / backtest_report.FORECASTS
    evaluation.write(forecasts, done.forecasts)
    remarks().print(f"{len(done.forecasts):,} rows are in {forecasts}.", markup=False)
    if done.failed:
        raise click.exceptions.Exit(1)


def _show(comparison: "pd.DataFrame") -> None:
    """Points and bands in a table each: in one they would not fit a terminal."""
    from pricecast_dagster.cli.screen import results
    from pricecast_dagster.forecasting.comparison import BAND_COLUMNS, OWN

    _print_table(comparison.drop(columns=list(BAND_COLUMNS)))
    results().print()
    own = comparison.loc[comparison["method"] == OWN, ["method", *BAND_COLUMNS]]
    _print_table(own.rename(columns={"method": "bands of"}))


def _print_table(rows: "pd.DataFrame") -> None:
    from rich.table import Table
    from rich.text import Text

    from pricecast_dagster.cli.screen import results

    table = Table(box=None, pad_edge=False, header_style="bold")
    names: Sequence[str] = list(map(str, rows.columns))
    for position, name in enumerate(names):
        table.add_column(name.replace("_", " "), justify="right" if position else "left")
    for row in rows.itertuples(index=False):
        table.add_row(*(Text(_cell(value)) for value in row))
    results().print(table)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.4g}"  # NaN: nothing can be said
    return str(value)
