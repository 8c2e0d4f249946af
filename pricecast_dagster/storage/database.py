"""Database: one engine, opened and migrated, and transactions for reading and for writing.

Belongs here: connections, transactions, statements in bulk. Not here: tables (`storage.tables`) and what is asked of them, what a
driver's error means (`outages`).

SQLite and PostgreSQL behave the same behind it: a read sees one snapshot and cannot write, a write is all or nothing. SQLite has
one writer at a time, so a write takes its turn when it begins (BEGIN IMMEDIATE) and never fails for having read first.
"""

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from pricecast_dagster.errors import DatabaseUnavailableError, SettingsError
from pricecast_dagster.storage.changes import Changes, PostgresChanges, SqliteChanges, tell_of_change
from pricecast_dagster.storage.json_text import to_json
from pricecast_dagster.storage.outages import DRIVER_ERRORS, outage

SQLITE: Final = "sqlite"
BUSY_SECONDS: Final = 30
"""How long a writer waits for its turn on SQLite."""

LONGEST_IN_LIST: Final = 5000
"""SQLite takes 32,766 parameters a statement; PostgreSQL plans a list of this length in milliseconds."""

_WRITES: Final = "pricecast_writes"
_Value = TypeVar("_Value")


class Database:
    """An open database; safe to use from several threads, and to open from several processes.

    Its connections are closed when it is closed or no longer used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reading = engine.execution_options(**_reading_options(engine))
        self._writing = engine.execution_options(**{_WRITES: True})
        self._changes: Changes = SqliteChanges(engine) if engine.dialect.name == SQLITE else PostgresChanges(engine)
        # At once and not some time later: a sensor opens a database every few seconds, and a server has 100 connections.
        weakref.finalize(self, _close, engine, self._changes)

    @property
    def kind(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engine.dialect.name

    @property
    def address(self) -> str:
        """The URL without its password, for people."""
        return self._engine.url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one snapshot and writes nothing.

        Raises:
            DatabaseUnavailableError: the database does not answer, or is damaged.
        """
        with self._telling(), self._reading.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: all of it is stored when the block ends, nothing of it when the block raises.

        Raises:
            DatabaseUnavailableError: the database does not answer, is damaged, or another process kept it locked for 30 seconds.
        """
        with self._telling(), self._writing.begin() as connection:
            yield connection
            told = tell_of_change(connection)
        if told:
            self._changes.wrote()

    def mark_at_once(self) -> int | None:
        """The mark where nothing may wait, in microseconds; None where it cannot be told without asking the server.

        Another process's commit on PostgreSQL is in it when its notification has arrived, this process's own at once.

        Raises:
            DatabaseUnavailableError: the database's file is gone.
        """
        with self._telling():
            return self._changes.at_once()

    def mark(self) -> int:
        """A number that stays the same for as long as nothing was written; see `storage.changes`.

        Raises:
            DatabaseUnavailableError: the database does not answer.
        """
        with self._telling():
            return self._changes.mark()

    def close(self) -> None:
        """Close every connection; the object can be used again."""
        _close(self._engine, self._changes)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except DRIVER_ERRORS as error:
            found = outage(error, self.address)
            if found is None:
                raise
            raise found from error


def _close(engine: Engine, changes: Changes) -> None:
    changes.close()
    engine.dispose()


def open_database(url: str) -> Database:
    """Open the database of a SQLAlchemy URL; a new one is created, an older one brought to the present form.

    Several processes may open the same new database at once: one of them creates it, the others wait.

    Raises:
        SettingsError: the URL is not one of SQLite or PostgreSQL.
        DatabaseUnavailableError: it does not answer, its file cannot be opened, is damaged, or of a newer pricecast.
    """
    from pricecast_dagster.storage.migration import bring_up_to_date

    database = Database(_engine(url))
    with database._telling():
        bring_up_to_date(database._reading, database._writing)
    return database


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() not in (SQLITE, postgresql.dialect.name):
            raise SettingsError(f"PRICECAST_DATABASE_URL is of {parsed.get_backend_name()}; it may be SQLite or PostgreSQL.")
        if parsed.get_backend_name() != SQLITE:
            return create_engine(
                parsed,
                pool_pre_ping=True,
                json_serializer=to_json,
                executemany_mode="values_plus_batch",
                executemany_batch_page_size=500,
            )
        if parsed.database:
            _make_folder(Path(parsed.database).parent)
        engine = create_engine(parsed, connect_args={"timeout": BUSY_SECONDS}, json_serializer=to_json)
    except (ArgumentError, NoSuchModuleError) as error:
        raise SettingsError(f"PRICECAST_DATABASE_URL cannot be read: {error}.") from error
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseUnavailableError(
            f"The folder {folder} of the database cannot be made: {error.strerror}.", remedy="Check PRICECAST_HOME."
        ) from error


def _reading_options(engine: Engine) -> dict[str, Any]:
    if engine.dialect.name == SQLITE:
        return {}
    return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


def _set_up_sqlite(connection: Any, _record: object) -> None:
    # The driver would begin transactions by itself, and only before the first write.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    # With WAL (set when the file is made, it stays) this loses nothing when a process dies; after a power cut the last
    # transactions may be gone, never half of one.
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def in_parts(values: Sequence[_Value]) -> Iterator[Sequence[_Value]]:
    """A long list in parts that fit into one statement."""
    for start in range(0, len(values), LONGEST_IN_LIST):
        yield values[start : start + LONGEST_IN_LIST]


def insert_or_update(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, keep: Sequence[str] = ()
) -> None:
    """Insert rows; where the primary key is there already, set the given columns instead.

    Args:
        connection: of a write.
        table: one with a primary key.
        rows: all with the same columns.
        keep: columns that an existing row keeps.
    """
    if not rows:
        return
    insert: Callable[[Table], Any] = sqlite.insert if connection.dialect.name == SQLITE else postgresql.insert
    statement = insert(table)
    keys = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys and name not in keep}
    if changed:
        statement = statement.on_conflict_do_update(index_elements=keys, set_=changed)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=keys)
    connection.execute(statement, list(rows))
