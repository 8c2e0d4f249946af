"""`backup` and `restore`: all models and their registry in one file.

Belongs here: arguments and what is told. Not here: the file (`storage.backup`).
"""

from pathlib import Path

import click


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write all models and their registry to FILE, checked by hash; compressed where it ends in .gz or .tgz."""
    from pricecast_dagster.cli.options import context_with
    from pricecast_dagster.storage.backup import backup as write

    context = context_with()
    written = write(context.database, context.artifacts, file)
    click.echo(f"{written.versions:,} model versions of {written.products:,} products are in {file} ({written.size:,} bytes).")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Put the models of a backup back, on this machine and database; all of it is checked before anything is written.

    Its champions answer again; products that are not in it are left alone. `pricecast refresh` then brings rows and forecasts,
    and trains only what has changed since.
    """
    from pricecast_dagster.cli.options import context_with
    from pricecast_dagster.storage.backup import restore as read

    context = context_with()
    restored = read(context.database, context.artifacts, file, context.clock())
    click.echo(f"{restored.versions:,} model versions of {restored.products:,} products are back.")
    click.echo("`pricecast refresh` brings rows and forecasts up to date with them.", err=True)
