"""`maintenance`: giving up what is past its retention; looks first, acts when told to.

Belongs here: the option and the table. Not here: the rules (`operations.maintenance`, `orchestration.retention`).
"""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pricecast_dagster.operations.maintenance import Surplus


@click.command()
@click.option("--apply", is_flag=True, help="Give it up. Without it, only shows what would go.")
def maintenance(apply: bool) -> None:
    """Show, or give up, what is past its retention: models, forecasts, rows, reads, Dagster's events.

    Nothing that anything still refers to goes, also while runs are under way.
    """
    from pricecast_dagster.cli.options import context_with
    from pricecast_dagster.cli.screen import remarks
    from pricecast_dagster.operations.maintenance import clear, examine
    from pricecast_dagster.operations.pooling import pool_if_due
    from pricecast_dagster.orchestration.maintenance import event_surplus
    from pricecast_dagster.orchestration.retention import open_instance

    context = context_with()
    if apply and (made := pool_if_due(context)) is not None:
        remarks().print(f"Pooled model {made.model.version} {'made' if made.changed else 'stands as it is'}.", markup=False)
    found = (clear if apply else examine)(context)
    with open_instance(context.settings) as instance:
        if instance is None:
            remarks().print("Dagster was never started here: it has no events.", markup=False)
        else:
            found += event_surplus(context, instance, apply=apply)
    _show(found, apply=apply)


def _show(found: "list[Surplus]", *, apply: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    from pricecast_dagster.cli.screen import results

    console = results()
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("given up" if apply else "would go", justify="right")
    table.add_column("what")
    table.add_column("which", overflow="fold")
    for surplus in found:
        table.add_row(Text(f"{surplus.count:,}"), Text(surplus.what), Text(surplus.rule))
    console.print(table)
    total = sum(surplus.count for surplus in found)
    if not total:
        console.print("Nothing is past its retention.")
    elif not apply:
        console.print("Nothing was changed: `pricecast maintenance --apply` gives it up.", markup=False)
