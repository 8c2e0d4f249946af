"""The context of a stage: settings and open stores, made once per process and handed down.

Belongs here: opening and carrying. Not here: what is done with them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from pricecast_dagster.compute.place import open_compute
from pricecast_dagster.compute.protocol import Compute
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.settings import Settings
from pricecast_dagster.storage.artifacts import Artifacts
from pricecast_dagster.storage.database import Database, open_database
from pricecast_dagster.storage.frames import Frames


def utc_now() -> datetime:
    """The time now, with its zone."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class StageContext:
    """What every stage and use case works with.

    Attributes:
        clock: gives the time now (UTC); tests hand in their own.
        run_id: of the Dagster run that asked; None from the command line.
    """

    settings: Settings
    database: Database
    frames: Frames
    artifacts: Artifacts
    compute: Compute
    calendar: HolidayCalendar
    clock: Callable[[], datetime] = utc_now
    run_id: str | None = None


def open_context(settings: Settings, *, run_id: str | None = None, clock: Callable[[], datetime] = utc_now) -> StageContext:
    """Open database and stores as the settings say; the database is migrated if it is behind.

    Raises:
        DatabaseUnavailableError: the database does not answer.
    """
    return StageContext(
        settings=settings,
        database=open_database(settings.database),
        frames=Frames(settings.home),
        artifacts=Artifacts(settings.home),
        compute=open_compute(settings.compute, settings.jobs),
        calendar=HolidayCalendar(settings.country),
        clock=clock,
        run_id=run_id,
    )
