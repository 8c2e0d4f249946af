"""`up`: Dagster and the HTTP API on this machine, until Ctrl-C.

Belongs here: the command and its way to end. Not here: the processes (`orchestration.launch`).
"""

import signal
import time
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from pricecast_dagster.orchestration.launch import Dagster

LOOK_SECONDS = 1.0


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Of Dagster's web page.")
@click.option("--api-port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Of the HTTP API.")
def up(port: int, api_port: int) -> None:
    """Run Dagster's web page, its daemon and the HTTP API together on loopback, until Ctrl-C.

    The daemon brings products up to date whenever the source, the code or a setting changes.
    """
    from pricecast_dagster.cli.options import context_with
    from pricecast_dagster.orchestration.launch import running

    settings = context_with().settings  # also opens and migrates the stores, so that what is wrong with them is said here
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with running(settings, port=port, api_port=api_port, tell=lambda step: click.echo(step, err=True)) as dagster:
            click.echo(f"Dagster      {dagster.url}")
            click.echo(f"API          http://127.0.0.1:{api_port}/docs")
            click.echo(f"Products     http://127.0.0.1:{api_port}/")
            click.echo(f"Source       {settings.source}")
            click.echo(f"Logs         {dagster.home / 'logs'}")
            click.echo("Ctrl-C stops all of it.")
            _stay(dagster)
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)


def _stay(dagster: "Dagster") -> NoReturn:
    while True:
        dagster.watch()
        time.sleep(LOOK_SECONDS)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
