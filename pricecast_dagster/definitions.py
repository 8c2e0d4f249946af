"""What Dagster loads: assets, job, sensors, resources; the only module named in `workspace.yaml`.

Belongs here: putting the parts together. Not here: any part.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.orchestration.assets import pricecast
from pricecast_dagster.orchestration.jobs import refresh_job
from pricecast_dagster.orchestration.maintenance import maintenance_job
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
    return dg.Definitions(
        assets=[with_code_versions(pricecast, code_versions(settings, HolidayCalendar(settings.country)))],
        asset_checks=[portfolio_checks],
        jobs=[refresh_job, maintenance_job],
        schedules=build_schedules(settings),
        sensors=[
            *build_sensors(settings.sensor_seconds),
            build_products_removed(settings.sensor_seconds),
            build_portfolio_checks(settings.sensor_seconds),
        ],
        resources={"stores": stores},
        # A step process of its own would import everything again (4 CPU seconds); the parallelism is inside, in `compute`.
        executor=dg.in_process_executor,
    )


defs = build_defs()
