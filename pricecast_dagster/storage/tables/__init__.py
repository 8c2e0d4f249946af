"""Tables: every table of the database, once.

Belongs here: their definitions, in modules by subject; here they come together, so that `metadata` knows all. Not here: how an
existing database gets there (`storage.migrations`; a test holds the two against each other on SQLite and PostgreSQL), and who
reads or writes a table (the module named after it).
"""

from pricecast_dagster.storage.tables.alerting import alert, alert_delivery, alert_digest
from pricecast_dagster.storage.tables.base import metadata
from pricecast_dagster.storage.tables.catalogue import ingest, product, stage_state
from pricecast_dagster.storage.tables.learning import (
    monitor_pass,
    monitor_result,
    retrain_request,
    served_score,
    shadow_day,
    trial,
)
from pricecast_dagster.storage.tables.results import forecast, forecast_day, modelos_predicao, pooled_model

__all__ = [
    "alert",
    "alert_delivery",
    "alert_digest",
    "forecast",
    "forecast_day",
    "ingest",
    "metadata",
    "modelos_predicao",
    "monitor_pass",
    "monitor_result",
    "pooled_model",
    "product",
    "retrain_request",
    "served_score",
    "shadow_day",
    "stage_state",
    "trial",
]
