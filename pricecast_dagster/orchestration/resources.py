"""The one resource: how assets and sensors get at settings and stores.

Belongs here: opening a context inside a Dagster process. Not here: settings themselves (`settings`).
"""

from typing import Any

import dagster as dg
from pydantic import Field

from pricecast_dagster.settings import Settings, load_settings
from pricecast_dagster.stages.context import StageContext, open_context


class PricecastResource(dg.ConfigurableResource[Any]):
    """Settings from the environment and `pricecast.toml`, with overrides for tests."""

    overrides: dict[str, Any] = Field({}, description="settings laid over those of the environment")

    def settings(self) -> Settings:
        """The settings in force now."""
        return load_settings(**self.overrides)

    def open(self, run_id: str | None = None) -> StageContext:
        """Open database and stores for a run, or for a sensor's tick."""
        return open_context(self.settings(), run_id=run_id)
