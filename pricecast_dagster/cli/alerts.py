"""`alerts`: what is wrong now, telling the receivers of it, trying them out.

Belongs here: the three commands and their tables. Not here: what they do (`operations.alerting`).
"""

import click


@click.group()
def alerts() -> None:
    """What is wrong now, and who is told of it."""


@alerts.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="Alerts shown.")
def list_alerts(limit: int) -> None:
    """Show what was wrong at the last look, and messages that did not arrive."""
    from rich.table import Table

    from pricecast_dagster.cli.options import context_with
    from pricecast_dagster.cli.screen import results
    from pricecast_dagster.storage import alerts as stored
    from pricecast_dagster.storage import letters

    with context_with().database.read() as connection:
        present = stored.present(connection)
        waiting = letters.undelivered(connection)
    console = results()
    for heading, rows in (
        (
            ("severity", "since", "product", "what is wrong", "what to do"),
            [(one.severity.value, f"{one.since:%Y-%m-%d %H:%M}", one.sku or "", one.told, one.remedy) for one in present[:limit]],
        ),
        (
            ("message", "of", "to", "state", "attempts", "last error"),
            [
                (
                    f"pricecast-{letter.digest_id}",
                    f"{letter.created_at:%Y-%m-%d %H:%M}",
                    letter.target,
                    letter.status.value,
                    str(letter.attempts),
                    letter.error or "",
                )
                for letter in waiting[:limit]
            ],
        ),
    ):
        if rows:
            table = Table(*heading)
            for row in rows:
                table.add_row(*(cell.replace("[", "\\[") for cell in row))
            console.print(table)
    console.print(f"{len(present):,} alerts, {len(waiting):,} messages not delivered.", markup=False)


@alerts.command()
@click.option("--again", is_flag=True, help="Also what was given up, and what waits for its next attempt.")
def send(again: bool) -> None:
    """Look at what is wrong, and tell what is worth telling: for those who run without Dagster, after `refresh` or `monitor`.

    It ends with 1 where a receiver did not take its message; the message is kept.
    """
    from pricecast_dagster.cli.options import context_with
    from pricecast_dagster.cli.screen import results
    from pricecast_dagster.operations import alerting

    context = context_with()
    if again:
        alerting.send_again(context)
    passed = alerting.run(context)
    console = results()
    console.print(passed.title or "Nothing new to tell.", markup=False)
    console.print(f"{passed.present:,} findings last; {passed.delivered.sent:,} messages delivered.", markup=False)
    _end(passed.delivered.failed)


@alerts.command()
def test() -> None:
    """Send a word to every receiver, to see that it arrives."""
    from pricecast_dagster.cli.options import context_with
    from pricecast_dagster.cli.screen import results
    from pricecast_dagster.operations import alerting

    answers = alerting.try_out(context_with())
    console = results()
    for name, error in answers.items():
        if error is None:
            console.print(f"{name}: delivered.", markup=False)
    if not answers:
        console.print("No receiver is set: PRICECAST_ALERT_WEBHOOKS, PRICECAST_ALERT_TARGETS.", markup=False)
    _end({name: error for name, error in answers.items() if error is not None})


def _end(failed: dict[str, str]) -> None:
    for name, error in failed.items():
        click.echo(f"Error: {name} did not take its message: {error}", err=True)
    if failed:
        raise click.exceptions.Exit(1)
