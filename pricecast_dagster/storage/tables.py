"""Tables: every table of the database, once.

Belongs here: names, types, keys and indexes. Not here: how an existing database gets there (`storage.migrations`; a test holds
the two against each other on SQLite and PostgreSQL), and who reads or writes a table (the module named after it).
"""

from typing import Any, Final

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    false,
    true,
)

from pricecast_dagster.storage.column_types import Name, Utc

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata: Final = MetaData(naming_convention=NAMING)


def _sku(**options: Any) -> "Column[str]":
    return Column("sku", Name, ForeignKey("product.sku"), nullable=False, **options)


product = Table(
    "product",
    metadata,
    Column("sku", Name, primary_key=True),
    Column("name", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("active", Boolean, nullable=False, server_default=true(), comment="in the source at the last full read"),
    Column("first_seen", Utc, nullable=False),
    Column("removed_at", Utc, comment="when it was found to be gone"),
    Column("model_hold", Text, comment="why nothing trains it until it is asked for; NULL where nothing holds it"),
    sqlite_with_rowid=False,
)

stage_state = Table(
    "stage_state",
    metadata,
    _sku(primary_key=True),
    Column("stage", Name, primary_key=True),
    Column("data_version", Text, comment="of what the stage holds; NULL where it never succeeded or was withdrawn"),
    Column("upstream_version", Text, comment="inputs of the last success"),
    Column("code_version", Text),
    Column("request_id", Integer),
    Column("failed_upstream_version", Text, comment="inputs of the last failure that no success followed"),
    Column("failed_code_version", Text),
    Column("failed_request_id", Integer),
    Column("error", Text),
    Column("ingest_id", Integer, comment="raw_history: the read of the source that last saw this version"),
    Column("announced_version", Text, comment="what Dagster was told of"),
    Column("reason", Text, nullable=False),
    Column("run_id", Text),
    Column("seconds", Float, nullable=False),
    Column("updated_at", Utc, nullable=False),
    Column("metadata", JSON, nullable=False),
    sqlite_with_rowid=False,
)
Index(
    "ix_stage_state_unannounced",
    stage_state.c.sku,
    sqlite_where=stage_state.c.data_version.is_distinct_from(stage_state.c.announced_version),
    postgresql_where=stage_state.c.data_version.is_distinct_from(stage_state.c.announced_version),
)

modelos_predicao = Table(
    "modelos_predicao",
    metadata,
    _sku(primary_key=True),
    Column("version", Name, primary_key=True, comment="UTC time such as 20251016T193000Z"),
    Column("champion", Boolean, nullable=False, server_default=false()),
    Column("champion_since", Utc, comment="when it last became champion; NULL where it never was"),
    Column("model_type", Text, nullable=False),
    Column("recipe", JSON, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("reason", Text, nullable=False, comment="why it was trained"),
    Column("decision", Text, nullable=False, comment="why it became champion, or why not"),
    Column("fingerprint", Text, nullable=False, comment="of everything the training depended on"),
    Column("feature_version", Text, nullable=False),
    Column("history_version", Text, nullable=False),
    Column("trained_at", Utc, nullable=False),
    Column("training_samples", Integer, nullable=False),
    Column("validation_samples", Integer, nullable=False),
    Column("features_count", Integer, nullable=False),
    Column("artifact", Text, nullable=False, comment="path below PRICECAST_HOME"),
    Column("sha256", Text, nullable=False, comment="of the artefact's metadata.json, which has those of its other files"),
    Column("deleted_at", Utc),
)
Index(
    "ix_modelos_predicao_one_champion",
    modelos_predicao.c.sku,
    unique=True,
    sqlite_where=modelos_predicao.c.champion,
    postgresql_where=modelos_predicao.c.champion,
)

forecast = Table(
    "forecast",
    metadata,
    Column("id", Integer, primary_key=True),
    _sku(),
    Column("version", Text, nullable=False),
    Column("current", Boolean, nullable=False, server_default=true()),
    Column("origin", Date, nullable=False, comment="the last day of the history it was made from"),
    Column("horizon_days", Integer, nullable=False),
    Column("model_used", Text, nullable=False),
    Column("model_version", Text, comment="NULL where a simple method answered"),
    Column("history_version", Text, nullable=False),
    Column("code_version", Text, nullable=False),
    Column("made_at", Utc, nullable=False),
    Column("facts", JSON, nullable=False, comment="metrics, coverage and what else a reader is told"),
    sqlite_autoincrement=True,
)
Index(
    "ix_forecast_one_current",
    forecast.c.sku,
    unique=True,
    sqlite_where=forecast.c.current,
    postgresql_where=forecast.c.current,
)
Index(None, forecast.c.sku, forecast.c.origin)
Index(None, forecast.c.made_at)

forecast_day = Table(
    "forecast_day",
    metadata,
    Column("forecast_id", Integer, primary_key=True, autoincrement=False),
    Column("horizon", Integer, primary_key=True, autoincrement=False, comment="1 is the day after the origin"),
    Column("date", Date, nullable=False),
    Column("price", Float, nullable=False),
    Column("lower_80", Float, nullable=False),
    Column("upper_80", Float, nullable=False),
    Column("lower_95", Float, nullable=False),
    Column("upper_95", Float, nullable=False),
    ForeignKeyConstraint(["forecast_id"], ["forecast.id"], ondelete="CASCADE"),
    sqlite_with_rowid=False,
)

retrain_request = Table(
    "retrain_request",
    metadata,
    Column("id", Integer, primary_key=True),
    _sku(),
    Column("reason", Text, nullable=False, comment="drift, accuracy, age, by hand, ..."),
    Column("evidence", JSON, nullable=False),
    Column("optimize", Boolean, nullable=False),
    Column("trials", Integer, comment="NULL means as set"),
    Column("status", Text, nullable=False, server_default="open", comment="waiting, open, answered, cancelled"),
    Column("severity", Float, nullable=False, server_default="0", comment="how far over its rule's limit, the worst goes first"),
    Column("created_at", Utc, nullable=False),
    Column("released_at", Utc, comment="when the daily budget let it through; NULL while it waits"),
    Column("answered_at", Utc),
    Column("version", Text, comment="the model that answered it"),
    sqlite_autoincrement=True,
)
Index(None, retrain_request.c.sku, retrain_request.c.id)
Index(
    "ix_retrain_request_one_open",
    retrain_request.c.sku,
    retrain_request.c.reason,
    unique=True,
    sqlite_where=retrain_request.c.status == "open",
    postgresql_where=retrain_request.c.status == "open",
)
Index(
    "ix_retrain_request_one_waiting",
    retrain_request.c.sku,
    unique=True,
    sqlite_where=retrain_request.c.status == "waiting",
    postgresql_where=retrain_request.c.status == "waiting",
)

monitor_result = Table(
    "monitor_result",
    metadata,
    Column("id", Integer, primary_key=True),
    _sku(),
    Column("kind", Text, nullable=False, comment="drift, accuracy, coverage, ..."),
    Column("verdict", Text, nullable=False, comment="ok, or what was found"),
    Column("measures", JSON, nullable=False),
    Column("measured_at", Utc, nullable=False),
    Column("day", Date, comment="the last day of the rows it was measured on; one result a SKU, kind and day"),
    sqlite_autoincrement=True,
)
Index(None, monitor_result.c.sku, monitor_result.c.kind, monitor_result.c.id)
Index(None, monitor_result.c.sku, monitor_result.c.kind, monitor_result.c.day, unique=True)

monitor_pass = Table(
    "monitor_pass",
    metadata,
    Column("day", Date, primary_key=True, comment="the last day of the portfolio's rows"),
    Column("run_id", Text),
    Column("started_at", Utc, nullable=False),
    Column("finished_at", Utc, nullable=False),
    Column("counts", JSON, nullable=False),
    Column("portfolio", JSON, nullable=False, comment="served accuracy, drift, mix, missing days, rejected rows of the whole"),
    sqlite_with_rowid=False,
)

served_score = Table(
    "served_score",
    metadata,
    _sku(primary_key=True),
    Column("until", Date, primary_key=True, comment="the last day scored"),
    Column("window_days", Integer, primary_key=True, autoincrement=False),
    Column("horizon", Integer, primary_key=True, autoincrement=False, comment="days ahead; 0 is all of them together"),
    Column("forecasts", Integer, nullable=False, comment="pairs of a forecast day and a price that happened"),
    Column("days", Integer, nullable=False, comment="days with a price that were forecast"),
    Column("mae", Float, nullable=False),
    Column("rmse", Float, nullable=False),
    Column("wape", Float, comment="0..1"),
    Column("scaled", Float, comment="own MAE over that of the last price known at the same origins, on the same days"),
    Column("naive_mae", Float, nullable=False),
    Column("bias", Float, nullable=False, comment="positive where forecasts were too high"),
    Column("coverage_80", Float, nullable=False),
    Column("coverage_95", Float, nullable=False),
    sqlite_with_rowid=False,
)
Index(None, served_score.c.until)

trial = Table(
    "trial",
    metadata,
    Column("id", Integer, primary_key=True),
    _sku(),
    Column("role", Text, nullable=False, comment="of the shadow: challenger, or predecessor of the champion"),
    Column("version", Text, nullable=False, comment="the shadow: a model whose forecasts are stored and not served"),
    Column("rival", Text, nullable=False, comment="the champion when the trial began"),
    Column("status", Text, nullable=False, server_default="open", comment="open, promoted, rolled back, kept, cancelled"),
    Column("decision", Text, nullable=False, comment="in words"),
    Column("evidence", JSON, nullable=False),
    Column("began_on", Date, nullable=False, comment="the last known day when it began"),
    Column("ends_on", Date, nullable=False),
    Column("started_at", Utc, nullable=False),
    Column("ended_at", Utc),
    sqlite_autoincrement=True,
)
Index(None, trial.c.sku, trial.c.id)
Index(
    "ix_trial_one_open",
    trial.c.sku,
    unique=True,
    sqlite_where=trial.c.status == "open",
    postgresql_where=trial.c.status == "open",
)

shadow_day = Table(
    "shadow_day",
    metadata,
    Column("trial_id", Integer, primary_key=True, autoincrement=False),
    Column("origin", Date, primary_key=True),
    Column("horizon", Integer, primary_key=True, autoincrement=False),
    Column("date", Date, nullable=False),
    Column("price", Float, nullable=False),
    Column("lower_80", Float, nullable=False),
    Column("upper_80", Float, nullable=False),
    Column("lower_95", Float, nullable=False),
    Column("upper_95", Float, nullable=False),
    ForeignKeyConstraint(["trial_id"], ["trial.id"], ondelete="CASCADE"),
    sqlite_with_rowid=False,
)

ingest = Table(
    "ingest",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("fingerprint", Text, nullable=False, comment="the cheap look at the source before it was read"),
    Column("run_id", Text),
    Column("started_at", Utc, nullable=False),
    Column("finished_at", Utc),
    Column("complete", Boolean, nullable=False, server_default=false(), comment="all products were taken up"),
    Column("counts", JSON, nullable=False),
    Column("error", Text),
    sqlite_autoincrement=True,
)
Index(None, ingest.c.fingerprint, ingest.c.id)

pooled_model = Table(
    "pooled_model",
    metadata,
    Column("version", Name, primary_key=True, comment="names its content"),
    Column("fingerprint", Text, nullable=False, comment="of everything it depended on"),
    Column("until", Date, nullable=False, comment="the last day that was known"),
    Column("made_at", Utc, nullable=False, comment="the newest is in force"),
    Column("run_id", Text),
    Column("facts", JSON, nullable=False, comment="products and rows that were learned from"),
    Column("sha256", Text, nullable=False, comment="of its file"),
    sqlite_with_rowid=False,
)

alert = Table(
    "alert",
    metadata,
    Column("subject", Name, primary_key=True, comment="such as `failed:SKU0001`; one row, however often it comes"),
    Column("kind", Text, nullable=False),
    Column("sku", Name, comment="NULL where it concerns no single product; no foreign key, an alert outlives its product"),
    Column("severity", Text, nullable=False, comment="info, warning, error"),
    Column("told", Text, nullable=False, comment="what is wrong, in words"),
    Column("remedy", Text, nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("since", Utc, nullable=False, comment="when it began this time"),
    Column("seen_at", Utc, nullable=False, comment="when it was last found"),
    Column("resolved_at", Utc, comment="NULL while it lasts"),
    Column("told_at", Utc, comment="of the last message about the subject; kept when it ends, for the silence"),
    Column("told_severity", Text),
    Column("announced", Boolean, nullable=False, server_default=false(), comment="whether this time was told"),
    sqlite_with_rowid=False,
)
Index(None, alert.c.resolved_at)

alert_digest = Table(
    "alert_digest",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("created_at", Utc, nullable=False),
    Column("severity", Text, nullable=False),
    Column("content", JSON, nullable=False),
    sqlite_autoincrement=True,
)

alert_delivery = Table(
    "alert_delivery",
    metadata,
    Column("digest_id", Integer, primary_key=True, autoincrement=False),
    Column("target", Name, primary_key=True, comment="scheme and fingerprint; the address itself may hold a secret"),
    Column("status", Text, nullable=False, comment="waiting, delivered, dead"),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", Utc, nullable=False, comment="a sender at work moves it on, so that nobody sends beside it"),
    Column("delivered_at", Utc),
    Column("error", Text, comment="of the last attempt"),
    ForeignKeyConstraint(["digest_id"], ["alert_digest.id"], ondelete="CASCADE"),
    sqlite_with_rowid=False,
)
Index(None, alert_delivery.c.status, alert_delivery.c.target)
