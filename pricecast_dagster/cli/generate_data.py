"""`generate-data`: the synthetic retailer, written as a source.

Belongs here: its options, and not writing over somebody's data. Not here: the retailer (`sources.synthetic`).
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click

MOST_DAYS = 7305
"""Twenty years; forecasts look back two at most."""
MOST_PRODUCTS = 100_000
EARLIEST = date(1900, 1, 1)

FILES = ("products.csv", "prices.csv", "sales.csv")


@click.command()
@click.option("--days", type=click.IntRange(1, MOST_DAYS), default=365, show_default=True, help="Days of history.")
@click.option("--products", type=click.IntRange(1, MOST_PRODUCTS), default=200, show_default=True, help="Number of products.")
@click.option("--seed", type=click.IntRange(min=0), default=42, show_default=True, help="The same seed gives the same retailer.")
@click.option("--clear", is_flag=True, help="Replace what an earlier call wrote.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder.  [default: PRICECAST_SOURCE]")
@click.option("--last-day", type=click.DateTime(["%Y-%m-%d"]), help="Last day of the history.  [default: yesterday]")
def generate_data(days: int, products: int, seed: int, clear: bool, out: Path | None, last_day: datetime | None) -> None:
    """Write a synthetic retailer: products.csv, prices.csv, sales.csv.

    Trend, seasons, peaks on Brazilian commemorative dates, sticky prices with promotions, an elasticity per product.
    """
    from pricecast_dagster.sources.synthetic import make_retailer, write_retailer

    if (_day(last_day) - EARLIEST).days < days:
        raise click.UsageError(f"The history would begin before {EARLIEST}: choose a later --last-day, or fewer --days.")
    folder = out or _source_folder()
    present = [folder / name for name in FILES if (folder / name).exists()]
    if present and not clear:
        raise click.UsageError(f"{present[0]} is there already; --clear replaces it.")
    retailer = make_retailer(days=days, products=products, seed=seed, last_day=_day(last_day))
    write_retailer(retailer, folder)
    click.echo(
        f"{products:,} products x {days:,} days up to {_day(last_day)}: {len(retailer.prices):,} price records and "
        f"{len(retailer.sales):,} sales records in {folder}."
    )


def _day(given: datetime | None) -> date:
    return given.date() if given else datetime.now(UTC).date() - timedelta(days=1)


def _source_folder() -> Path:
    from pricecast_dagster.cli.options import settings_with

    source = settings_with().source
    if "://" in source:
        raise click.UsageError(f"PRICECAST_SOURCE is {source}, not a folder: say where with --out.")
    return Path(source)
