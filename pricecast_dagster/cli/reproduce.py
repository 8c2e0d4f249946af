"""`reproduce`: a stored forecast made again and compared bit for bit.

Belongs here: how the comparison reads on a terminal. Not here: making it again (`operations.reproducing`).
"""

from datetime import datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pricecast_dagster.operations.reproducing import Comparison


@click.command()
@click.argument("sku")
@click.option(
    "--origin",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Last day of history of the forecast.  [default: the one in force]",
)
def reproduce(sku: str, origin: datetime | None) -> None:
    """Make a stored forecast again from its recorded versions, and train its model again; compare both bit for bit.

    Ends with 1 where the forecast cannot be made again or anything differs.
    """
    from pricecast_dagster.cli.options import context_with
    from pricecast_dagster.operations.reproducing import reproduce as make_again

    found = make_again(context_with(), sku, origin.date() if origin else None)
    stored = found.stored
    click.echo(f"{sku}: {stored.model_used}, origin {stored.origin}, made at {stored.made_at:%Y-%m-%d %H:%M:%S} UTC")
    click.echo(f"  version {stored.version}, from rows {stored.history_version}, code {stored.code_version}")
    click.echo(f"  forecast: {_told(found.forecast, f'made again, all {5 * stored.horizon_days} numbers')}")
    if found.model is not None:
        files = ", ".join(found.model.what)
        click.echo(f"  model:    {_told(found.model, f'trained again, {files}')}")
    differs = found.model is not None and bool(found.model.differs)
    if differs or not found.forecast.identical:
        raise click.exceptions.Exit(1)


def _told(comparison: "Comparison", made: str) -> str:
    remark = f" ({comparison.remark})" if comparison.remark else ""
    if comparison.impossible is not None:
        return f"cannot be made again: {comparison.impossible}"
    if comparison.differs:
        return f"made again, and not the same: {', '.join(comparison.differs)}{remark}"
    return f"{made} identical, bit for bit{remark}"
