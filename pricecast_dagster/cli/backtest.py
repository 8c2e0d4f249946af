"""`backtest`: forecasts from a source's past, compared with what happened.

Belongs here: its options and the table of the comparison. Not here: the backtest (`operations.evaluation`).
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pricecast_dagster.cli.options import FileWithSuffix, jobs_option, refuse_both, settings_with, skus_option, tuning_options

if TYPE_CHECKING:
    from pricecast_dagster.operations.evaluation import Backtest


@click.command()
@click.option("--out", "file", required=True, type=FileWithSuffix(".csv", ".parquet"), help="File to write (.csv or .parquet).")
@click.option("--source", help="Folder, file or URL to read.  [default: PRICECAST_SOURCE]")
@click.option(
    "--origins", type=click.IntRange(min=1), default=4, show_default=True, help="Origins, counted back from the last day."
)
@click.option("--step", type=click.IntRange(min=1), default=14, show_default=True, help="Days between two origins.")
@click.option("--horizon", type=click.IntRange(1, 60), default=14, show_default=True, help="Days ahead.")
@skus_option("Only this product")
@tuning_options()
@jobs_option()
def backtest(
    file: Path,
    source: str | None,
    origins: int,
    step: int,
    horizon: int,
    skus: tuple[str, ...],
    no_optimize: bool,
    trials: int | None,
    jobs: int | None,
) -> None:
    """Forecast from several origins in the past, and compare with what happened and with the naive methods.

    Nothing after an origin is seen: not by training, tuning, calibration or selection.
    """
    from pricecast_dagster.cli.screen import progress, remarks
    from pricecast_dagster.operations import evaluation

    refuse_both(no_optimize, trials)
    settings = settings_with(source=source, jobs=jobs)
    plan = evaluation.BacktestPlan(origins, step, horizon, skus, 0 if no_optimize else trials or settings.trials)
    with progress("Backtesting") as advance:
        done = evaluation.backtest(settings, plan, lambda count, total: advance(count, total, ""))
    evaluation.write(file, done.forecasts)
    _show(done)
    remarks().print(f"{len(done.forecasts):,} rows are in {file}.", markup=False)
    if done.failed:
        raise click.exceptions.Exit(1)


def _show(done: "Backtest") -> None:
    from rich.table import Table
    from rich.text import Text

    from pricecast_dagster.cli.screen import results

    console = results()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for position, name in enumerate(done.comparison.columns):
        table.add_column(str(name).replace("_", " "), justify="right" if position else "left")
    for row in done.comparison.itertuples(index=False):
        table.add_row(*(Text(_cell(value)) for value in row))
    console.print(table)
    for sku, error in list(done.failed.items())[:20]:
        console.print(f"{sku}: {error}", style="red", markup=False)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.4g}"  # NaN: the simple methods have no bands
    return str(value)
