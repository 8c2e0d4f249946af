"""Migration: bringing a database to the present form, once, however many processes open it.

Belongs here: whether a migration is due, the lock around it. Not here: the steps (`storage.migrations.versions`).
"""

import sqlite3
import time
from importlib import resources
from typing import Final

from sqlalchemy import Connection, Engine, inspect, text

from pricecast_dagster.errors import DatabaseUnavailableError
from pricecast_dagster.storage.migrations import HEAD, VERSION_TABLE

_LOCK: Final = 7_266_313_001
"""Any number that nobody else locks in the same PostgreSQL database."""

_WAL_ATTEMPTS: Final = 100
_WAL_PAUSE_SECONDS: Final = 0.05


def bring_up_to_date(reading: Engine, writing: Engine) -> None:
    """Run the steps that are missing; costs one small query where there are none.

    Raises:
        DatabaseUnavailableError: a newer pricecast has brought the database to a form this one does not know.
    """
    with reading.begin() as connection:
        if _revision(connection) == HEAD:
            return
    if writing.dialect.name == "sqlite":
        _use_wal(writing)
    with writing.begin() as connection:
        if writing.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        # On SQLite the transaction began with the write lock. Either way the others wait here and then find it done.
        if _revision(connection) != HEAD:
            _upgrade(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    revision: str | None = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))
    return revision


def _use_wal(engine: Engine) -> None:
    """Let readers and a writer work side by side; the mode is kept in the file."""
    for attempt in range(_WAL_ATTEMPTS):
        connection = engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:  # SQLite does not heed its busy timeout here.
            if "locked" not in str(error) or attempt == _WAL_ATTEMPTS - 1:
                raise
            time.sleep(_WAL_PAUSE_SECONDS)
        finally:
            connection.close()


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(resources.files("pricecast_dagster.storage.migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise DatabaseUnavailableError(
            f"The database is in a form this version of pricecast does not know: {error}.",
            remedy="A newer pricecast has used it; install that version or newer.",
        ) from error
