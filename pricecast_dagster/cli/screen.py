"""The screen: where tables and progress go, on a terminal and elsewhere.

Belongs here: the two consoles and the progress of long work. Not here: what a table says (`report` and the commands).

Results go to standard output, progress and remarks to standard error, so that `pricecast ... > file` holds results only.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

# Off a terminal nothing wraps: a log or a file has no width, and a wrapped table cannot be searched.
PLAIN_WIDTH = 200

Advance = Callable[[int, int, str], None]
"""Told `done`, `total` and a remark; `total` may grow."""


def results() -> "Console":
    """Standard output."""
    return _console(stderr=False)


def remarks() -> "Console":
    """Standard error."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> "Console":
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False, emoji=False, soft_wrap=False)
    if not console.is_terminal:
        console = Console(stderr=stderr, highlight=False, emoji=False, width=PLAIN_WIDTH, color_system=None)
    return console


@contextmanager
def progress(what: str) -> Iterator[Advance]:
    """A bar on a terminal, a line for every step elsewhere.

    Args:
        what: the name of the work, such as `Refreshing`.
    """
    console = remarks()
    if not console.is_terminal:
        yield lambda done, total, remark: console.print(
            f"{what}: {done} of {total}{'. ' + remark if remark else ''}", markup=False
        )
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[remark]}", style="dim", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=None, remark="")
        yield lambda done, total, remark: bar.update(task, completed=done, total=total, remark=remark)
