"""The Dagster instance: what `dagster.yaml` says, and the home it lies in.

Belongs here: the instance's configuration, once. Not here: starting processes (`launch`), what they run (`definitions`).

The files `dagster.yaml` and `deploy/dagster-postgres.yaml` of the repository are this configuration written down, for who starts
Dagster by other means; a test holds them together.
"""

import json
from pathlib import Path
from typing import Any, Final

from pricecast_dagster.settings import Settings

POSTGRES_ENVIRONMENT: Final = "PRICECAST_DATABASE_URL"
"""The variable that Dagster takes the PostgreSQL URL from, so that no password stands in a file."""

# A batch takes minutes to hours, one product seconds: batches go one after the other, and what a person asks for finds a slot.
CONCURRENT_RUNS = 4
ONE_AT_A_TIME = ("pricecast/source", "pricecast/batch", "dagster/backfill")

CONFIGURATION: Final[dict[str, Any]] = {
    "run_queue": {"dequeue_interval_seconds": 2},
    "concurrency": {
        "runs": {
            "max_concurrent_runs": CONCURRENT_RUNS,
            "tag_concurrency_limits": [{"key": tag, "limit": 1} for tag in ONE_AT_A_TIME],
        }
    },
    # A killed worker is run again; a product that fails is not, before its data changes: `retry_on_asset_or_op_failure`.
    "run_retries": {"enabled": True, "max_retries": 2, "retry_on_asset_or_op_failure": False},
    "run_monitoring": {"enabled": True, "poll_interval_seconds": 10, "start_timeout_seconds": 300},
    "retention": {"sensor": {"purge_after_days": {"skipped": 1, "failure": 30, "success": 30, "started": 1}}},
    "code_servers": {"local_startup_timeout": 180, "wait_for_local_processes_on_shutdown": True},
    "telemetry": {"enabled": False},
    "nux": {"enabled": False},
}


def configuration(*, postgres: bool) -> dict[str, Any]:
    """What `dagster.yaml` says: SQLite files in its home, or PostgreSQL at the URL of PRICECAST_DATABASE_URL.

    The URL has to name the driver (`postgresql+psycopg2://`): with SQLAlchemy 2.1 a bare one means psycopg 3, with which a run of
    dagster-postgres never starts. `launch` hands on the URL of the settings, which do name it.
    """
    if not postgres:
        return CONFIGURATION
    return {"storage": {"postgres": {"postgres_url": {"env": POSTGRES_ENVIRONMENT}}}, **CONFIGURATION}


def is_postgres(settings: Settings) -> bool:
    """Whether the database of the settings is PostgreSQL; Dagster's own tables then lie in it as well."""
    return settings.database.startswith("postgresql")


def dagster_home(settings: Settings) -> Path:
    """Where Dagster's files lie: in `home`, or beside the working directory where `home` is remote."""
    return (Path(".pricecast") if "://" in settings.home else Path(settings.home)).absolute() / "dagster"


def prepare_home(settings: Settings) -> Path:
    """Make the home and write its `dagster.yaml` (JSON, which is YAML)."""
    home = dagster_home(settings)
    (home / "logs").mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text(json.dumps(configuration(postgres=is_postgres(settings)), indent=2) + "\n")
    return home
