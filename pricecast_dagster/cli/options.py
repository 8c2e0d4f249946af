"""Options that several commands share, and what is checked of them before any work.

Belongs here: an option that means the same in every command that has it. Not here: what a command does with it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pricecast_dagster.settings import Settings
    from pricecast_dagster.stages.context import StageContext

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class FileWithSuffix(click.ParamType[Path]):
    """A file to write whose suffix says its format; refused before any work, not after an hour of it."""

    name = "file"

    def __init__(self, *suffixes: str) -> None:
        self._suffixes = suffixes

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path, if its suffix is known and its folder is there."""
        path = Path(value)
        if path.suffix.lower() not in self._suffixes:
            self.fail(f"{value!r} must end in {' or '.join(self._suffixes)}.", param, ctx)
        if not path.absolute().parent.is_dir():
            self.fail(f"the folder {str(path.parent)!r} is not there.", param, ctx)
        return path


def skus_option(what: str) -> Decorator:
    """`--sku S`, any number of times."""
    return click.option("--sku", "skus", multiple=True, metavar="SKU", help=f"{what}; repeat it for more.  [default: all]")


def jobs_option() -> Decorator:
    """`--jobs N`."""
    return click.option("--jobs", type=click.IntRange(min=1), help="Processes that compute.  [default: PRICECAST_JOBS]")


def report_option() -> Decorator:
    """`--report FILE`."""
    return click.option(
        "--report",
        "report_file",
        type=FileWithSuffix(".json", ".csv"),
        help="Write one row per SKU and stage that was looked at (.json or .csv).",
    )


def tuning_options() -> Decorator:
    """`--no-optimize` and `--trials N`."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        command = click.option("--trials", type=click.IntRange(min=1), help="Tuning trials a SKU.")(command)
        return click.option("--no-optimize", is_flag=True, help="Train without tuning.")(command)

    return decorate


def refuse_both(no_optimize: bool, trials: int | None) -> None:
    """Refuse `--no-optimize` together with `--trials`.

    Raises:
        click.UsageError: both were given.
    """
    if no_optimize and trials is not None:
        raise click.UsageError("--no-optimize and --trials exclude each other: without tuning there are no trials.")


def settings_with(**overrides: object) -> "Settings":
    """The settings in force, with the given options laid over them; an option that was not given is None."""
    from pricecast_dagster.settings import load_settings

    return load_settings(**{name: value for name, value in overrides.items() if value is not None})


def context_with(**overrides: object) -> "StageContext":
    """Settings and open stores for a command, with the given options laid over the settings."""
    from pricecast_dagster.stages.context import open_context

    return open_context(settings_with(**overrides))
