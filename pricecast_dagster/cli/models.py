"""`models`: the registry: list, show, delete, rollback.

Belongs here: the four commands and their tables. Not here: what they do (`operations.models`).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.table import Table

    from pricecast_dagster.storage.registry import ModelVersion


@click.group()
def models() -> None:
    """The registry of models: one row a version, one champion a product."""


@models.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="Products shown.")
@click.option("--offset", type=click.IntRange(min=0), default=0, show_default=True, help="Products left out before.")
@click.option("--prefix", default="", help="Only products whose SKU begins so.")
def list_models(limit: int, offset: int, prefix: str) -> None:
    """Show the champions: version, when they were trained, and how well they did."""
    from pricecast_dagster.cli.options import context_with
    from pricecast_dagster.cli.screen import results
    from pricecast_dagster.operations.models import champions

    found, count = champions(context_with(), limit=limit, offset=offset, prefix=prefix)
    console = results()
    if found:
        table = _table("product", "version", "trained", "samples", "RMSE", "MAE", "MAPE", "against simple")
        for model in found:
            _add(table, model.sku, model.version, f"{model.trained_at:%Y-%m-%d %H:%M}", *_scores(model))
        console.print(table)
    console.print(f"{len(found):,} of {count:,} products with a model.", markup=False)


@models.command()
@click.argument("sku")
def show(sku: str) -> None:
    """Show every version of a product's model: which one is champion, and why each was trained."""
    from pricecast_dagster.cli.options import context_with
    from pricecast_dagster.cli.screen import results
    from pricecast_dagster.operations.models import dossier

    found = dossier(context_with(), sku)
    console = results()
    if found.held:
        console.print(f"Nothing retrains {sku} until it is asked for: {found.held}.", markup=False)
    if found.no_rows:
        console.print(f"There is nothing to train on: {found.no_rows}", markup=False)
    elif found.error:
        console.print(f"Its last training failed: {found.error}", markup=False)
    if not found.versions:
        answers = "nothing answers" if found.no_rows else "a simple method answers"
        console.print(f"{sku} has no model; {answers}.", markup=False)
        return
    table = _table("", "version", "samples", "RMSE", "MAE", "MAPE", "against simple", "why", "what came of it")
    for model in found.versions:
        word = "champion" if model.champion else "deleted" if model.deleted_at else ""
        _add(table, word, model.version, *_scores(model), model.reason, model.decision)
    console.print(table)


@models.command()
@click.argument("sku")
@click.option("--reason", default="deleted by hand", show_default=True, help="Kept with the product.")
def delete(sku: str, reason: str) -> None:
    """Delete a product's models; a simple method answers, and nothing retrains it until it is asked to."""
    from pricecast_dagster.cli.options import context_with
    from pricecast_dagster.operations.models import delete as delete_models

    count, model_used = delete_models(context_with(), sku, reason)
    click.echo(f"{count} versions deleted; {model_used} answers for {sku}. `pricecast train --sku {sku}` trains it again.")


@models.command()
@click.argument("sku")
@click.option("--to", "version", help="The version.  [default: the one before the champion]")
def rollback(sku: str, version: str | None) -> None:
    """Make an earlier version the champion again, and forecast with it."""
    from pricecast_dagster.cli.options import context_with
    from pricecast_dagster.operations.models import rollback as roll_back

    before, after, model_used = roll_back(context_with(), sku, version)
    click.echo(f"{after} is champion of {sku} in place of {before or 'none'}; {model_used} answers.")


def _table(*names: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name, justify="right" if name in ("samples", "RMSE", "MAE", "MAPE", "against simple") else "left")
    return table


def _add(table: "Table", *cells: str) -> None:
    from rich.text import Text

    table.add_row(*map(Text, cells))


def _scores(model: "ModelVersion") -> list[str]:
    metrics: Mapping[str, object] = model.metrics
    return [
        f"{model.training_samples:,}",
        *(_number(metrics.get(name), unit) for name, unit in (("rmse", ""), ("mae", ""), ("mape", " %"))),
        _number(metrics.get("ratio_to_best_simple"), ""),
    ]


def _number(value: object, unit: str) -> str:
    return f"{value:.3g}{unit}" if isinstance(value, int | float) else ""
