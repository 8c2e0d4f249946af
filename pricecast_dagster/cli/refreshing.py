"""`ingest`, `train`, `forecast`, `refresh`: the batches, one family since they only differ in which stages they mean.

Belongs here: their options and how a batch ends on the screen. Not here: the batches (`operations.batches`).
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pricecast_dagster.cli.options import (
    context_with,
    jobs_option,
    refuse_both,
    report_option,
    skus_option,
    tuning_options,
)

if TYPE_CHECKING:
    from pricecast_dagster.operations.batches import OnChunk
    from pricecast_dagster.stages.outcome import ChunkDone, Report


@click.command()
@skus_option("Only the rows of this product")
@report_option()
def ingest(skus: tuple[str, ...], report_file: Path | None) -> None:
    """Take up the source's rows: what is new, changed, unchanged, removed and rejected, and why."""
    from pricecast_dagster.operations import batches

    context = context_with()
    _carry_out("Ingesting", lambda on_chunk: batches.ingest(context, skus, on_chunk), report_file, always_tell_source=True)


@click.command()
@skus_option("Train this product")
@tuning_options()
@jobs_option()
@report_option()
def train(skus: tuple[str, ...], no_optimize: bool, trials: int | None, jobs: int | None, report_file: Path | None) -> None:
    """Train models in this process, without a daemon, whether they are out of date or not.

    Rows and features that are out of date come first. A new recipe replaces the champion's only where it is at least as good.
    """
    from pricecast_dagster.operations import batches

    refuse_both(no_optimize, trials)
    context = context_with(jobs=jobs)
    tune = not no_optimize and (trials is not None or context.settings.optimize != "never")
    _carry_out(
        "Training",
        lambda on_chunk: batches.train(context, skus, on_chunk, optimize="always" if tune else "never", trials=trials),
        report_file,
    )
    click.echo("`pricecast forecast` makes the forecasts of the new models.", err=True)


@click.command()
@skus_option("Forecast this product")
@click.option("--days", type=click.IntRange(1, 60), help="Days ahead.  [default: PRICECAST_HORIZON_DAYS]")
@report_option()
def forecast(skus: tuple[str, ...], days: int | None, report_file: Path | None) -> None:
    """Bring stored forecasts up to date with the rows and models there are.

    To keep another number of days than 14, set PRICECAST_HORIZON_DAYS: the next `refresh` goes by the setting.
    """
    from pricecast_dagster.operations import batches

    context = context_with(horizon_days=days)
    _carry_out("Forecasting", lambda on_chunk: batches.forecast(context, skus, on_chunk), report_file)


@click.command()
@skus_option("Only this product")
@tuning_options()
@jobs_option()
@report_option()
def refresh(skus: tuple[str, ...], no_optimize: bool, trials: int | None, jobs: int | None, report_file: Path | None) -> None:
    """Bring everything up to date that is not, in order: what the daemon would do, once, in this process."""
    from pricecast_dagster.operations import batches

    refuse_both(no_optimize, trials)
    context = context_with(jobs=jobs)
    _carry_out(
        "Refreshing",
        lambda on_chunk: batches.refresh(context, skus, on_chunk, optimize="never" if no_optimize else "auto", trials=trials),
        report_file,
    )


def _carry_out(
    what: str, batch: "Callable[[OnChunk], Report]", report_file: Path | None, *, always_tell_source: bool = False
) -> None:
    """Run a batch under a progress bar, show and write its report, and end with 1 if any product failed."""
    from pricecast_dagster.cli import report as reports
    from pricecast_dagster.cli.screen import progress, remarks, results
    from pricecast_dagster.stages.outcome import Status

    failed = 0
    with progress(what) as advance:

        def on_chunk(chunk: "ChunkDone") -> None:
            nonlocal failed
            failed += sum(outcome.status is Status.FAILED for outcome in chunk.outcomes)
            if chunk.total:
                advance(chunk.done, chunk.total, f"{failed} failed" if failed else "")

        report = batch(on_chunk)
    if report_file is not None:
        reports.write(report_file, report)
    console = results()
    if report.ingested.read or always_tell_source:
        for line in reports.ingested_lines(report.ingested):
            console.print(line, markup=False)
    table = reports.table(report)
    if table is not None:
        console.print(table)
    console.print(reports.summary(report), markup=False)
    if report_file is not None:
        remarks().print(f"The report is in {report_file}.", markup=False)
    if report.failed:
        raise click.exceptions.Exit(1)
