"""The `pricecast` command: which commands there are, and how errors end.

Belongs here: the list of commands and the edge where a `PricecastError` becomes words and an exit code. Not here: any command.

A command's module is imported only when it is asked for, and imports what is heavy inside itself.
"""

import importlib
import io
import sys
from typing import Any

import click

from pricecast_dagster.errors import PricecastError

COMMANDS = {
    "generate-data": "generate_data",
    "ingest": "refreshing",
    "train": "refreshing",
    "forecast": "refreshing",
    "refresh": "refreshing",
    "predict": "predict",
    "models": "models",
    "backtest": "backtest",
    "monitor": "monitor",
    "why": "why",
    "reproduce": "reproduce",
    "pool": "pool",
    "maintenance": "maintenance",
    "backup": "backup",
    "restore": "backup",
    "alerts": "alerts",
    "serve": "serve",
    "up": "up",
    "doctor": "doctor",
}
"""Command -> its module in this package, in the order of `--help`."""


class Stopped(click.ClickException):
    """A `PricecastError` on its way to the terminal: what and where, then the next step."""

    def __init__(self, error: PricecastError) -> None:
        super().__init__(str(error.args[0]) if error.args else type(error).__name__)
        self.remedy = error.remedy

    def show(self, file: Any = None) -> None:
        """Print to standard error, without a traceback."""
        click.echo(f"Error: {self.message}", file=file, err=file is None)
        if self.remedy:
            click.echo(f"  Next: {self.remedy}", file=file, err=file is None)


class Refused(Stopped):
    """One that is the asker's to mend (a wrong setting), with the exit code of wrong usage."""

    exit_code = 2


class Commands(click.Group):
    """A group that imports a command when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order of a day's work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"pricecast_dagster.cli.{COMMANDS[cmd_name]}")
        command = getattr(module, cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the command line, on a terminal or into a file that may not know every character."""
        _spare_unknown_characters()
        return super().main(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error that pricecast raises on purpose ends without a traceback."""
        try:
            return super().invoke(ctx)
        except PricecastError as error:
            raise (Refused if error.exit_code == Refused.exit_code else Stopped)(error) from error


def _spare_unknown_characters() -> None:
    """Print a question mark for what the encoding of standard output lacks: a chart with gaps is better than none."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="replace")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="pricecast-dagster", prog_name="pricecast")
def main() -> None:
    """Daily price forecasts for every product of a retailer, kept fresh.

    Settings come from the environment (PRICECAST_*) or from pricecast.toml; `pricecast doctor` shows them.
    Exit codes: 0 all well, 1 something failed, 2 wrong usage.
    """
