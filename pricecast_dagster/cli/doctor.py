"""`doctor`: what the checks found, and every setting.

Belongs here: showing. Not here: the checks (`operations.doctor`).
"""

import click


@click.command()
def doctor() -> None:
    """Check settings, database, source, stores, Dagster and versions, and say what to do."""
    from rich.table import Table
    from rich.text import Text

    from pricecast_dagster.cli.options import settings_with
    from pricecast_dagster.cli.screen import results
    from pricecast_dagster.operations.doctor import Level, examine, shown_settings

    settings = settings_with()
    console = results()
    values = Table(box=None, pad_edge=False, show_header=False)
    values.add_column()
    values.add_column(overflow="fold")
    for name, value in shown_settings(settings).items():
        given = name.removeprefix("PRICECAST_").lower() in settings.model_fields_set
        values.add_row(Text(name), Text(value), Text("set" if given else "", style="dim"))
    console.print(values)
    console.print()
    findings = examine(settings)
    checks = Table(box=None, pad_edge=False, show_header=False)
    styles = {Level.GOOD: "green", Level.WARNING: "yellow", Level.FAILED: "red"}
    for finding in findings:
        told = finding.told + (f"\n{finding.remedy}" if finding.remedy else "")
        checks.add_row(Text(finding.level.value, style=styles[finding.level]), Text(finding.check), Text(told))
    console.print(checks)
    if any(finding.level is Level.FAILED for finding in findings):
        raise click.exceptions.Exit(1)
