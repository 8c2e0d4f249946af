"""`pool`: one model from all products together.

Belongs here: what is said of it. Not here: making it (`operations.pooling`).
"""

import click


@click.command()
def pool() -> None:
    """Make the pooled model of all products from the stored rows; models with the member `pooled` are then out of date."""
    from pricecast_dagster.cli.options import context_with
    from pricecast_dagster.operations.pooling import pool as make

    made = make(context_with())
    model = made.model
    facts = model.facts
    word = "made" if made.changed else "stands as it is: the rows are the same"
    click.echo(f"Pooled model {model.version} {word}.")
    click.echo(
        f"  {facts['skus']:,} of {facts['of_skus']:,} products until {model.until}, {len(facts['rows'])} cuts, "
        f"{max(facts['rows'].values()):,} rows at most"
    )
    if not made.used:
        click.echo("  Nothing learns from it yet: PRICECAST_MEMBERS does not name `pooled`.")
    elif made.changed:
        click.echo("  Every model with the member is out of date: `pricecast refresh` weighs them again.")
