"""Shared: the pooled model that products have in common, as an input of each of their models.

Belongs here: the code versions in force with it, and bringing the one that an input names. Not here: keeping it
(`storage.pooled_models`), making it (`operations.pooling`).

Where the member is switched on, the version of the pooled model stands behind the code version of `price_model`, after an `@`:
another one makes exactly those models out of date. Where it is not, nothing asks for it and nothing changes.
"""

from typing import TYPE_CHECKING

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.recipe import POOLED
from pricecast_dagster.schemas import Stage
from pricecast_dagster.settings import Settings
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.versions import code_versions
from pricecast_dagster.storage import pooled_models
from pricecast_dagster.storage.database import Database
from pricecast_dagster.storage.files import Files
from pricecast_dagster.storage.staleness import SHARED_MARK

if TYPE_CHECKING:
    from pricecast_dagster.forecasting.pooled import Pooled


def codes_in_force(database: Database, settings: Settings, calendar: HolidayCalendar) -> dict[Stage, str]:
    """The code versions in force, with that of the pooled model where models learn from one."""
    codes = code_versions(settings, calendar)
    if POOLED not in settings.members:
        return codes
    with database.read() as connection:
        newest = pooled_models.in_force(connection)
    if newest is None:
        return codes
    return codes | {Stage.PRICE_MODEL: f"{codes[Stage.PRICE_MODEL]}{SHARED_MARK}{newest.version}"}


def pooled_of(context: StageContext, code_version: str) -> "Pooled | None":
    """The pooled model that a code version of `price_model` names; None where it names none.

    Raises:
        UnknownVersionError: it was given up, or its file is gone.
        DamagedArtifactError: its bytes are not those that were saved.
    """
    _, _, version = code_version.partition(SHARED_MARK)
    if not version:
        return None
    with context.database.read() as connection:
        on_record = pooled_models.get(connection, version)
    return pooled_models.load(Files(context.settings.home), version, on_record.sha256)
