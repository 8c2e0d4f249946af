"""`monitor`: one pass of the monitor; requests, trials, taking a request back, asking by hand.

Belongs here: the commands and their tables. Not here: what they do (`operations.monitoring`, `operations.retraining`).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from pricecast_dagster.operations.monitoring import Pass
    from pricecast_dagster.storage.requests import RetrainRequest

SHOWN = 20
"""Findings and requests that a pass lists; the rest is counted."""


@click.group(invoke_without_command=True)
@click.option("--dry-run", is_flag=True, help="Let no request through the budget; they wait.")
@click.pass_context
def monitor(ctx: click.Context, dry_run: bool) -> None:
    """Compare served forecasts with what happened; say what drifted, and what should retrain and why.

    Without a command it makes one pass: scores, drift, trials, retrain requests. `pricecast refresh` carries requests out.
    """
    if ctx.invoked_subcommand is not None:
        return
    from pricecast_dagster.cli.options import context_with
    from pricecast_dagster.cli.screen import progress, results
    from pricecast_dagster.operations.monitoring import monitor as make_pass

    with progress("Monitoring") as advance:
        done = make_pass(context_with(), lambda count, total: advance(count, total, ""), release=not dry_run)
    _show(results(), done)


@monitor.command("requests")
@click.option("--all", "everything", is_flag=True, help="Also those that were answered or taken back.")
def list_requests(everything: bool) -> None:
    """Show retrain requests: what waits for the budget, worst first, and what is being carried out."""
    from pricecast_dagster.cli.options import context_with
    from pricecast_dagster.cli.screen import results
    from pricecast_dagster.operations import retraining

    context = context_with()
    found = retraining.listed(context) if everything else retraining.pending(context)
    console = results()
    if found:
        console.print(_requests(found))
    left = retraining.budget(context)
    console.print(
        f"{len(found):,} requests. Left of today's budget: {left.trials_left:,} of {left.trials:,} trials, "
        f"{left.minutes_left:.0f} of {left.minutes:.0f} minutes.",
        markup=False,
    )


@monitor.command()
@click.argument("request_id", type=click.IntRange(min=1), metavar="REQUEST")
def cancel(request_id: int) -> None:
    """Take a retrain request back; no rule asks again for its product until the pause is over."""
    from pricecast_dagster.cli.options import context_with
    from pricecast_dagster.operations import retraining

    retraining.cancel(context_with(), request_id)
    click.echo(f"Request {request_id} is taken back.")


@monitor.command()
@click.argument("sku")
@click.option("--no-optimize", is_flag=True, help="Without tuning.")
@click.option("--trials", type=click.IntRange(min=1), help="Tuning trials.")
def request(sku: str, no_optimize: bool, trials: int | None) -> None:
    """Ask for a product to be trained again by the next refresh, whatever the budget."""
    from pricecast_dagster.cli.options import context_with, refuse_both
    from pricecast_dagster.operations import retraining

    refuse_both(no_optimize, trials)
    made = retraining.ask_by_hand(context_with(), sku, optimize=not no_optimize, trials=trials)
    click.echo(f"Request {made.id}: {sku} is trained again by the next `pricecast refresh`, or by Dagster.")


@monitor.command("trials")
def list_trials() -> None:
    """Show models on trial: whose forecasts are stored and not served, against which champion, and what came of it."""
    from pricecast_dagster.cli.options import context_with
    from pricecast_dagster.cli.screen import results
    from pricecast_dagster.operations import retraining

    table = _table("product", "shadow", "version", "against", "until", "is", "why")
    found = retraining.trials_listed(context_with())
    for one in found:
        _add(table, one.sku, one.role, one.version, one.rival, f"{one.ends_on}", one.status, one.decision)
    if found:
        results().print(table)
    results().print(f"{len(found):,} trials.", markup=False)


def _show(console: "Console", done: "Pass") -> None:
    record = done.record
    counts, portfolio = record.counts, record.portfolio
    console.print(
        f"Rows until {record.day}; {counts['scored']:,} of {counts['products']:,} products have served forecasts to score."
    )
    served = portfolio.get("served")
    if isinstance(served, Mapping) and counts["scored"]:
        table = _table("days back", "products", "error over the last price's", "worse than it", "inside 80 %", "inside 95 %")
        for window, found in served.items():
            if found.get("products"):
                names = ("products", "mae_over_last_price", "worse_than_last_price", "coverage_80", "coverage_95")
                _add(table, window, *(_number(found.get(name)) for name in names))
        console.print(table)
    told = portfolio.get("found")
    for line in told if isinstance(told, list) else []:
        console.print(f"The portfolio: {line}.", markup=False)
    if done.findings:
        table = _table("product", "what", "found")
        for result in done.findings[:SHOWN]:
            _add(table, result.sku, result.kind, result.verdict)
        console.print(table)
    _show_requests(console, done)


def _show_requests(console: "Console", done: "Pass") -> None:
    if done.released:
        console.print("Released for training:")
        console.print(_requests(done.released[:SHOWN]))
    for verdict in done.verdicts:
        console.print(f"{verdict.trial.sku}, trial of {verdict.trial.version}: {verdict.told}.", markup=False)
    counts = done.record.counts
    console.print(
        f"{len(done.findings):,} findings; {counts['due']:,} products due, {counts['asked']:,} asked for now, "
        f"{counts['released']:,} released, {counts['waiting']:,} wait for the budget.",
        markup=False,
    )


def _requests(found: "Sequence[RetrainRequest]") -> "Table":
    table = _table("request", "product", "reason", "over its limit", "is", "since", "why")
    for one in found:
        times = f"{one.severity:.2f}" if one.severity else ""
        told = str(one.evidence.get("told", ""))
        _add(table, f"{one.id}", one.sku, one.reason, times, one.status, f"{one.created_at:%Y-%m-%d %H:%M}", told)
    return table


def _table(*names: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name)
    return table


def _add(table: "Table", *cells: object) -> None:
    from rich.text import Text

    table.add_row(*(Text(str(cell)) for cell in cells))


def _number(value: object) -> str:
    return "" if value is None else f"{value:.3g}" if isinstance(value, float) else f"{value:,}"
