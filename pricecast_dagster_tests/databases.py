"""Fixtures that give tests real databases of both kinds, each fresh and empty.

Belongs here: making and emptying them. A folder's conftest imports `database_url` and `database`; both run a test once on SQLite
and once on PostgreSQL. Not here: starting PostgreSQL (`postgres`).
"""

import atexit
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pricecast_dagster.storage.database import Database, open_database
from pricecast_dagster.storage.tables import metadata
from pricecast_dagster_tests.postgres import NewDatabase, PostgresMissingError, postgres_server

KINDS = ("sqlite", "postgresql")


@cache
def shared_postgres() -> NewDatabase:
    """One server a process, ended with it: initdb takes 0.7 s."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(postgres_server())


@cache
def _sqlite_template() -> bytes:
    """An empty database in the present form, to be copied: a copy takes 1 ms, the migrations 100."""
    with TemporaryDirectory(prefix="sqlite-") as folder:
        file = Path(folder) / "template.db"
        open_database(f"sqlite:///{file}").close()
        return file.read_bytes()


@cache
def _postgres_template() -> str:
    url = shared_postgres()()
    open_database(url).close()
    return url


def new_database_url(kind: str, folder: Path) -> str:
    """The URL of a fresh, empty database in the present form.

    Args:
        kind: one of KINDS.
        folder: where a SQLite file is put.
    """
    if kind == "postgresql":
        try:
            return shared_postgres()(template=_postgres_template())
        except PostgresMissingError as error:
            pytest.skip(f"no PostgreSQL to test with: {error}")
    file = folder / "pricecast.db"
    folder.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_sqlite_template())
    return f"sqlite:///{file}"


def empty(database: Database) -> None:
    """Delete every row: between the examples of one Hypothesis test."""
    with database.write() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh, empty database, of one kind after the other."""
    return new_database_url(request.param, tmp_path / "database")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The same, open."""
    opened = open_database(database_url)
    yield opened
    opened.close()
