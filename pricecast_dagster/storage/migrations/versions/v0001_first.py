"""The first form of the database."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None

NAME: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME: Final = sa.DateTime(timezone=True)

CURRENT_FORECAST: Final = """
CREATE VIEW current_forecast AS
SELECT forecast.sku, product.name, product.category, forecast_day.date, forecast_day.horizon, forecast_day.price,
       forecast_day.lower_80, forecast_day.upper_80, forecast_day.lower_95, forecast_day.upper_95,
       forecast.origin, forecast.model_used, forecast.version, forecast.made_at
FROM forecast
JOIN forecast_day ON forecast_day.forecast_id = forecast.id
JOIN product ON product.sku = forecast.sku
WHERE forecast.current AND product.active
"""


def upgrade() -> None:
    """Every table, and the view that services read."""
    op.create_table(
        "ingest",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text()),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("finished_at", TIME),
        sa.Column("complete", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_ingest"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_ingest_fingerprint_id", "ingest", ["fingerprint", "id"])
    op.create_table(
        "product",
        sa.Column("sku", NAME, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("first_seen", TIME, nullable=False),
        sa.Column("removed_at", TIME),
        sa.Column("model_hold", sa.Text()),
        sa.PrimaryKeyConstraint("sku", name="pk_product"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "forecast",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sku", NAME, nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("current", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("origin", sa.Date(), nullable=False),
        sa.Column("horizon_days", sa.Integer(), nullable=False),
        sa.Column("model_used", sa.Text(), nullable=False),
        sa.Column("model_version", sa.Text()),
        sa.Column("history_version", sa.Text(), nullable=False),
        sa.Column("code_version", sa.Text(), nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["sku"], ["product.sku"], name="fk_forecast_sku"),
        sa.PrimaryKeyConstraint("id", name="pk_forecast"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_forecast_made_at", "forecast", ["made_at"])
    op.create_index(
        "ix_forecast_one_current",
        "forecast",
        ["sku"],
        unique=True,
        sqlite_where=sa.text("current"),
        postgresql_where=sa.text("current"),
    )
    op.create_index("ix_forecast_sku_origin", "forecast", ["sku", "origin"])
    op.create_table(
        "modelos_predicao",
        sa.Column("sku", NAME, nullable=False),
        sa.Column("version", NAME, nullable=False),
        sa.Column("champion", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("champion_since", TIME),
        sa.Column("model_type", sa.Text(), nullable=False),
        sa.Column("recipe", sa.JSON(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("feature_version", sa.Text(), nullable=False),
        sa.Column("history_version", sa.Text(), nullable=False),
        sa.Column("trained_at", TIME, nullable=False),
        sa.Column("training_samples", sa.Integer(), nullable=False),
        sa.Column("validation_samples", sa.Integer(), nullable=False),
        sa.Column("features_count", sa.Integer(), nullable=False),
        sa.Column("artifact", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("deleted_at", TIME),
        sa.ForeignKeyConstraint(["sku"], ["product.sku"], name="fk_modelos_predicao_sku"),
        sa.PrimaryKeyConstraint("sku", "version", name="pk_modelos_predicao"),
    )
    op.create_index(
        "ix_modelos_predicao_one_champion",
        "modelos_predicao",
        ["sku"],
        unique=True,
        sqlite_where=sa.text("champion"),
        postgresql_where=sa.text("champion"),
    )
    op.create_table(
        "monitor_result",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sku", NAME, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("measures", sa.JSON(), nullable=False),
        sa.Column("measured_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["sku"], ["product.sku"], name="fk_monitor_result_sku"),
        sa.PrimaryKeyConstraint("id", name="pk_monitor_result"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_monitor_result_sku_kind_id", "monitor_result", ["sku", "kind", "id"])
    op.create_table(
        "retrain_request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sku", NAME, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("optimize", sa.Boolean(), nullable=False),
        sa.Column("trials", sa.Integer()),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("answered_at", TIME),
        sa.Column("version", sa.Text()),
        sa.ForeignKeyConstraint(["sku"], ["product.sku"], name="fk_retrain_request_sku"),
        sa.PrimaryKeyConstraint("id", name="pk_retrain_request"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_retrain_request_one_open",
        "retrain_request",
        ["sku", "reason"],
        unique=True,
        sqlite_where=sa.text("status = 'open'"),
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index("ix_retrain_request_sku_id", "retrain_request", ["sku", "id"])
    op.create_table(
        "stage_state",
        sa.Column("sku", NAME, nullable=False),
        sa.Column("stage", NAME, nullable=False),
        sa.Column("data_version", sa.Text()),
        sa.Column("upstream_version", sa.Text()),
        sa.Column("code_version", sa.Text()),
        sa.Column("request_id", sa.Integer()),
        sa.Column("failed_upstream_version", sa.Text()),
        sa.Column("failed_code_version", sa.Text()),
        sa.Column("failed_request_id", sa.Integer()),
        sa.Column("error", sa.Text()),
        sa.Column("ingest_id", sa.Integer()),
        sa.Column("announced_version", sa.Text()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text()),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["sku"], ["product.sku"], name="fk_stage_state_sku"),
        sa.PrimaryKeyConstraint("sku", "stage", name="pk_stage_state"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_stage_state_unannounced",
        "stage_state",
        ["sku"],
        sqlite_where=sa.text("data_version IS NOT announced_version"),
        postgresql_where=sa.text("data_version IS DISTINCT FROM announced_version"),
    )
    op.create_table(
        "forecast_day",
        sa.Column("forecast_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("horizon", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("price", sa.Float(), nullable=False),
        sa.Column("lower_80", sa.Float(), nullable=False),
        sa.Column("upper_80", sa.Float(), nullable=False),
        sa.Column("lower_95", sa.Float(), nullable=False),
        sa.Column("upper_95", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["forecast_id"], ["forecast.id"], name="fk_forecast_day_forecast_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("forecast_id", "horizon", name="pk_forecast_day"),
        sqlite_with_rowid=False,
    )
    op.execute(CURRENT_FORECAST)
