"""Past passes: what is kept of the monitor's pass of a day that is over.

Belongs here: reading it. Not here: making a pass (`operations.monitoring`); what is not kept cannot be measured again, since the
stored forecasts and rows of then have been followed by others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pricecast_dagster.errors import UnknownVersionError
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.storage import monitor_passes, monitor_results
from pricecast_dagster.storage.monitor_passes import MonitorPass
from pricecast_dagster.storage.monitor_results import MonitorResult


@dataclass(frozen=True, slots=True)
class KeptPass:
    """A pass as it is on record, and what it found that was not well."""

    record: MonitorPass
    findings: Sequence[MonitorResult]


def of_day(context: StageContext, day: date) -> KeptPass:
    """What is kept of the last pass that began on a day, in UTC.

    Raises:
        UnknownVersionError: nothing is: there was no pass, a later one on the same rows took its place, or its time was up.
    """
    with context.database.read() as connection:
        record = monitor_passes.begun_on(connection, day)
        if record is None:
            raise UnknownVersionError(
                f"No pass of the monitor from {day} is kept.",
                remedy="A pass looks at what there is now: materialize today's partition, or run `pricecast monitor`.",
            )
        findings = monitor_results.of_day(connection, record.day)
    return KeptPass(record, findings)
