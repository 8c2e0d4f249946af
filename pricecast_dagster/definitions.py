"""What Dagster loads: assets, job, sensors, resources; the only module named in `workspace.yaml`.

Belongs here: putting the parts together. Not here: any part.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.orchestration.alerts import build_alert_sensor
from pricecast_dagster.orchestration.assets import pricecast
from pricecast_dagster.orchestration.jobs import refresh_job
from pricecast_dagster.orchestration.maintenance import maintenance_job
from pricecast_dagster.orchestration.monitor_days import monitoring_report
from pricecast_dagster.orchestration.monitoring import build_monitoring, monitor_job
from pricecast_dagster.orchestration.portfolio_checks import build_portfolio_checks, portfolio_checks
from pricecast_dagster.orchestration.removals import build_products_removed
from pricecast_dagster.orchestration.resources import PricecastResource
from pricecast_dagster.orchestration.schedules import build_schedules
from pricecast_dagster.orchestration.sensors import build_sensors
from pricecast_dagster.orchestration.specs import with_code_versions
from pricecast_dagster.stages.versions import code_versions


def build_defs(overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """The definitions, with settings laid over those of the environment (for tests)."""
    stores = PricecastResource(overrides=dict(overrides or {}))
    settings = stores.settings()
    seconds = settings.sensor_seconds
    monitoring_sensors, monitoring_schedules = build_monitoring(seconds, settings.monitor_schedule)
    return dg.Definitions(
        assets=[
            with_code_versions(pricecast, code_versions(settings, HolidayCalendar(settings.country))),
            monitoring_report,
        ],
        asset_checks=[portfolio_checks],
        jobs=[refresh_job, maintenance_job, monitor_job],
        schedules=[*build_schedules(settings), *monitoring_schedules],
        sensors=[
            *build_sensors(seconds),
            build_products_removed(seconds),
            build_portfolio_checks(seconds),
            *monitoring_sensors,
            build_alert_sensor(seconds),
        ],
        resources={"stores": stores},
        # A step process of its own would import everything again (4 CPU seconds); the parallelism is inside, in `compute`.
        executor=dg.in_process_executor,
    )


defs = build_defs()
