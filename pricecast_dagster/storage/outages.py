"""Outages: which errors of a driver say that the database does not work, and what a person does then.

Belongs here: telling a database that is gone, locked or damaged from a statement of ours that is wrong. Not here: catching
(`database`, `changes`).
"""

import sqlite3
from typing import Final

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from pricecast_dagster.errors import DatabaseUnavailableError

DAMAGED_SQLITE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
DAMAGED_POSTGRES: Final = frozenset({"XX001", "XX002"})
"""SQLSTATE: data corrupted, index corrupted."""

FULL_SQLITE: Final = frozenset({sqlite3.SQLITE_FULL})
FULL_POSTGRES: Final = frozenset({"53100"})
"""SQLSTATE: disk full."""

CLOSED_SQLITE: Final = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM})
"""Of a full disk as well, where there is no room for the files beside the database's."""

DRIVER_ERRORS: Final = (DBAPIError, PoolTimeoutError, sqlite3.Error)
"""All that a statement or a connection may end with; most of them are outages, and some are mistakes of ours."""

_MEND_SQLITE: Final = (
    "Stop what uses it and put a copy of the file in its place; or move it away with its -wal and -shm, bring models back with "
    "`pricecast restore FILE` if there is a backup, and the rest with `pricecast refresh`."
)
_MEND_POSTGRES: Final = "Put back the server's backup; or `pricecast restore FILE` into a new database and `pricecast refresh`."
_MAKE_ROOM: Final = "Make room on its disk and call again; nothing is half written."
_LET_IN: Final = "Check PRICECAST_DATABASE_URL, and that this user may write the file and its folder and their disk has room."


def outage(error: BaseException, address: str) -> DatabaseUnavailableError | None:
    """What an error of a driver says of the database; None where a statement is wrong, and not the database.

    Args:
        error: one of DRIVER_ERRORS.
        address: of the database, without its password.
    """
    cause = getattr(error, "orig", None) or error
    told = " ".join(str(cause).split()).rstrip(".?")
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # an extended one has the plain one in its last byte
    state = getattr(cause, "pgcode", None)
    if code in DAMAGED_SQLITE:
        return DatabaseUnavailableError(f"The database {address} is damaged: {told}.", remedy=_MEND_SQLITE)
    if state in DAMAGED_POSTGRES:
        return DatabaseUnavailableError(f"The database {address} is damaged: {told}.", remedy=_MEND_POSTGRES)
    if code in FULL_SQLITE or state in FULL_POSTGRES:
        return DatabaseUnavailableError(f"The database {address} has no room: {told}.", remedy=_MAKE_ROOM)
    if code in CLOSED_SQLITE:
        return DatabaseUnavailableError(f"The database {address} cannot be read or written: {told}.", remedy=_LET_IN)
    # SQLite's own where SQLAlchemy does not look: while a connection is set up.
    if isinstance(error, OperationalError | InterfaceError | PoolTimeoutError | sqlite3.OperationalError):
        return DatabaseUnavailableError(f"The database {address} does not answer: {told}.")
    return None
