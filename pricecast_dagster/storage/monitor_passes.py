"""Monitor passes: what each pass of the monitor found of the portfolio as a whole.

Belongs here: the monitor_pass table, one row for each last day of the rows. Not here: the passes themselves
(`operations.monitoring`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection, delete, select

from pricecast_dagster.storage.database import insert_or_update
from pricecast_dagster.storage.tables import monitor_pass


@dataclass(frozen=True, slots=True)
class MonitorPass:
    """One pass.

    Attributes:
        day: the last day of the portfolio's rows; a second pass on the same rows takes the place of the first.
        counts: products scored, with findings by kind, requests new, waiting and released, trials open and decided.
        portfolio: served accuracy by window, mix, missing days, rejected rows, and what was found of each.
    """

    day: date
    started_at: datetime
    finished_at: datetime
    counts: Mapping[str, int]
    portfolio: Mapping[str, object]
    run_id: str | None = None


def record(connection: Connection, done: MonitorPass) -> None:
    """Store a pass."""
    insert_or_update(connection, monitor_pass, [{name: getattr(done, name) for name in MonitorPass.__slots__}])


def recent(connection: Connection, limit: int = 30) -> list[MonitorPass]:
    """Passes, newest first."""
    query = select(monitor_pass).order_by(monitor_pass.c.day.desc()).limit(limit)
    return [MonitorPass(**row._mapping) for row in connection.execute(query)]


def begun_on(connection: Connection, day: date) -> MonitorPass | None:
    """The last pass that began on a day, in UTC, and that no later one on the same rows has replaced."""
    start = datetime.combine(day, time(), UTC)
    begun = (monitor_pass.c.started_at >= start) & (monitor_pass.c.started_at < start + timedelta(days=1))
    row = connection.execute(select(monitor_pass).where(begun).order_by(monitor_pass.c.started_at.desc()).limit(1)).first()
    return None if row is None else MonitorPass(**row._mapping)


def prune(connection: Connection, before: date) -> int:
    """Forget passes of before a day; returns how many."""
    return connection.execute(delete(monitor_pass).where(monitor_pass.c.day < before)).rowcount
