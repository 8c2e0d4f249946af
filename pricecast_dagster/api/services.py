"""Services: what the routes work with, opened once and handed in; tests hand in their own.

Belongs here: carrying and opening. Not here: settings (`settings`), what is done with them.
"""

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Final

from pricecast_dagster.api.observability import Metrics
from pricecast_dagster.orchestration.client import DagsterClient
from pricecast_dagster.settings import Settings
from pricecast_dagster.stages.context import StageContext, open_context
from pricecast_dagster.storage.artifacts import Artifact, Artifacts

MODELS_IN_MEMORY: Final = 256
"""A model's files are 60-300 KB; loading one from disk takes 3-10 ms."""

DAGSTER_SECONDS: Final = 10.0


class RecentArtifacts(Artifacts):
    """Artifacts that keeps the models it loaded last; a version never changes, so a promotion or rollback is seen at once."""

    def __init__(self, home: str) -> None:
        super().__init__(home)
        self._recent: OrderedDict[tuple[str, str, str | None], Artifact] = OrderedDict()
        self._lock = Lock()

    def load(self, sku: str, version: str, expected_sha256: str | None = None) -> Artifact:
        """As `Artifacts.load`, from memory where it was asked for lately."""
        key = (sku, version, expected_sha256)
        with self._lock:
            if key in self._recent:
                self._recent.move_to_end(key)
                return self._recent[key]
        loaded = super().load(sku, version, expected_sha256)
        with self._lock:
            self._recent[key] = loaded
            while len(self._recent) > MODELS_IN_MEMORY:
                self._recent.popitem(last=False)
        return loaded


@dataclass(frozen=True)
class Services:
    """Stores, Dagster and counters of one application."""

    context: StageContext
    dagster: DagsterClient
    metrics: Metrics = field(default_factory=Metrics)

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.context.settings


def open_services(settings: Settings) -> Services:
    """Open everything as the settings say.

    Raises:
        DatabaseUnavailableError: the database does not answer.
    """
    return serving(open_context(settings))


def serving(context: StageContext) -> Services:
    """Services over an open context."""
    kept = replace(context, artifacts=RecentArtifacts(context.settings.home))
    return Services(kept, DagsterClient(context.settings.dagster_url, timeout_seconds=DAGSTER_SECONDS))
