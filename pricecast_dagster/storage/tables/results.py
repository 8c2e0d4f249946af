"""Tables of results: models and forecasts.

Belongs here: names, types, keys and indexes. Not here: what is found of them in service (`learning`).
"""

from sqlalchemy import JSON, Boolean, Column, Date, Float, ForeignKeyConstraint, Index, Integer, Table, Text, false, true

from pricecast_dagster.storage.column_types import Name, Utc
from pricecast_dagster.storage.tables.base import metadata, sku_column

modelos_predicao = Table(
    "modelos_predicao",
    metadata,
    sku_column(primary_key=True),
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

forecast = Table(
    "forecast",
    metadata,
    Column("id", Integer, primary_key=True),
    sku_column(),
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
