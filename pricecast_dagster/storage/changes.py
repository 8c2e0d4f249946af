"""Changes: whether anything was written since the last look; what lets an answer be kept in memory and still be the right one.

Belongs here: the mark of each kind of database. Not here: what is kept, and what a change means for it.

A mark is taken before something is read; what was read is right for as long as the mark stays the same. By the time a writer, in
whatever process, knows that its transaction is through, the mark has moved.

SQLite counts commits itself: `PRAGMA data_version` takes 2 microseconds. PostgreSQL has no such count, so every write says so
within its transaction (`NOTIFY`), and a connection that listens asks a question of no weight: what was notified before comes
before the end of the answer (PostgreSQL sends it before it says that it is ready for the next query, and wakes listeners before
the writer hears of its commit). Where nothing may wait, it is enough that nothing has arrived on that connection: then another
process's commit is unseen for as long as its notification travels, a fraction of a millisecond, and this process's own never.
What is written past `Database.write`, by hand, is not said: so once a minute the server's count of changed rows is asked for too.
A pooler between has to be one of sessions, as for Dagster's own events.
"""

import os
import select
import sqlite3
import time
from threading import Lock
from typing import Any, Final

from sqlalchemy import Connection, Engine

from pricecast_dagster.errors import DatabaseUnavailableError
from pricecast_dagster.storage.tables import metadata

CHANNEL: Final = "pricecast_changed"
BY_HAND_SECONDS: Final = 60.0
"""How often it is looked on PostgreSQL for changes made by hand, and not by pricecast. The server's counts lag by some seconds:
such a change goes unnoticed for two of these at most."""

_COUNTED: Final = """
    SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables
    WHERE relname = ANY(%s) AND current_setting('track_counts')::boolean
"""
_NEVER: Final = -1


class SqliteChanges:
    """Marks of a file, in whose place another one may come; safe to use from several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._file = str(engine.url.database)
        self._lock = Lock()
        self._connection: Any = None
        self._seen: tuple[int, int] = (0, 0)
        self._mark = 0

    def mark(self) -> int:
        """A number that is another one after every change.

        Raises:
            DatabaseUnavailableError: the file is gone.
            sqlite3.Error: it is no database, or is damaged.
        """
        with self._lock:
            try:
                inode = os.stat(self._file).st_ino  # noqa: PTH116 - a Path takes four times as long
                if self._connection is None or inode != self._seen[0]:
                    self._connect()
                seen = (inode, self._version())
            except OSError as error:
                self._drop()
                raise DatabaseUnavailableError(f"The database {self._file} does not answer: {error}.") from error
            except sqlite3.Error:
                self._drop()
                raise
            if seen != self._seen:
                self._seen = seen
                self._mark += 1
            return self._mark

    def at_once(self) -> int | None:
        """The mark: it takes microseconds."""
        return self.mark()

    def wrote(self) -> None:
        """Nothing to do: SQLite counts this process's commits as everybody's."""

    def close(self) -> None:
        """Give up the connection; the next mark is another one."""
        with self._lock:
            self._drop()

    def _version(self) -> int:
        try:
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            # Nothing is waited for here: whoever holds the file may be changing it.
            self._mark += 1
            return self._seen[1]

    def _connect(self) -> None:
        self._drop()
        # Connections to a file that another one has replaced would go on showing the old one.
        self._engine.dispose()
        self._connection = sqlite3.connect(self._file, timeout=0, check_same_thread=False, isolation_level=None)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._mark += 1


class PostgresChanges:
    """Marks of a PostgreSQL database; safe to use from several threads, one after the other."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = Lock()
        self._connection: Connection | None = None
        # The driver's own: what SQLAlchemy adds to a question takes as long as the question.
        self._driver: Any = None
        self._arrivals = select.poll()
        self._minute = _NEVER
        self._counts: int | None = None
        self._mark = 0

    def mark(self) -> int:
        """A number that is another one after every change.

        Raises:
            OperationalError, InterfaceError: the server does not answer.
        """
        with self._lock:
            if not self._answers():
                # The server may have been started anew since the last look: then nobody is to hear of it.
                self._drop()
                self._listen()
            minute = int(time.monotonic() / BY_HAND_SECONDS)
            changed_by_hand = minute != self._minute and self._counts_differ()
            self._minute = minute
            heard = self._driver.notifies
            if heard or changed_by_hand:
                heard.clear()
                self._mark += 1
            return self._mark

    def at_once(self) -> int | None:
        """The mark without asking the server; None where something has arrived on the connection, its end among it."""
        if self._driver is None or self._arrivals.poll(0) or int(time.monotonic() / BY_HAND_SECONDS) != self._minute:
            return None
        return self._mark

    def wrote(self) -> None:
        """Tell that this process has written: the mark moves before the notification comes back."""
        with self._lock:
            self._mark += 1

    def close(self) -> None:
        """Give up the connection; the next mark is another one."""
        with self._lock:
            self._drop()

    def _answers(self) -> bool:
        """Let the server send what there is to hear; whether it could."""
        if self._driver is None:
            return False
        assert self._engine.dialect.dbapi is not None
        try:
            with self._driver.cursor() as cursor:
                cursor.execute("SELECT 1")
        except self._engine.dialect.dbapi.Error:
            return False
        return True

    def _counts_differ(self) -> bool:
        """Whether the server has counted changed rows since the last look; where it does not count, they may have changed."""
        assert self._engine.dialect.dbapi is not None
        try:
            with self._driver.cursor() as cursor:
                cursor.execute(_COUNTED, (list(metadata.tables),))
                (counted,) = cursor.fetchone()
        except self._engine.dialect.dbapi.Error:
            counted = None  # whoever reads next is told what is wrong
        same = counted is not None and counted == self._counts
        self._counts = counted
        return not same

    def _listen(self) -> None:
        self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            self._connection.exec_driver_sql(f"LISTEN {CHANNEL}")
        except BaseException:
            self._drop()
            raise
        driver = self._connection.connection.driver_connection
        assert driver is not None
        self._arrivals = select.poll()
        self._arrivals.register(driver.fileno(), select.POLLIN)
        self._driver = driver

    def _drop(self) -> None:
        self._driver = None
        self._minute = _NEVER
        self._mark += 1
        if self._connection is not None:
            # Not back into the pool, where it would go on listening.
            self._connection.invalidate()
            self._connection.close()
            self._connection = None


Changes = SqliteChanges | PostgresChanges


def tell_of_change(connection: Connection) -> bool:
    """Say at the end of a write that it was one, if anything was written; whether it was said. SQLite knows by itself."""
    if connection.dialect.name != "postgresql":
        return False
    told = f"SELECT pg_notify('{CHANNEL}', '') WHERE txid_current_if_assigned() IS NOT NULL"
    return connection.exec_driver_sql(told, execution_options={"stream_results": False}).first() is not None
