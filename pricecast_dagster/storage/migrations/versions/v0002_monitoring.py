"""What the monitor keeps: scores of served forecasts, its passes, trials with their shadow forecasts, requests that wait."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"

NAME: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME: Final = sa.DateTime(timezone=True)


def upgrade() -> None:
    """New tables, and columns of retrain_request and monitor_result."""
    _requests_and_results()
    op.create_table(
        "monitor_pass",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("run_id", sa.Text()),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("finished_at", TIME, nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("portfolio", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_monitor_pass"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "served_score",
        sa.Column("sku", NAME, nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("window_days", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("horizon", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("forecasts", sa.Integer(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("mae", sa.Float(), nullable=False),
        sa.Column("rmse", sa.Float(), nullable=False),
        sa.Column("wape", sa.Float()),
        sa.Column("scaled", sa.Float()),
        sa.Column("naive_mae", sa.Float(), nullable=False),
        sa.Column("bias", sa.Float(), nullable=False),
        sa.Column("coverage_80", sa.Float(), nullable=False),
        sa.Column("coverage_95", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["sku"], ["product.sku"], name="fk_served_score_sku"),
        sa.PrimaryKeyConstraint("sku", "until", "window_days", "horizon", name="pk_served_score"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_served_score_until", "served_score", ["until"])
    _trials()


def _requests_and_results() -> None:
    op.add_column("retrain_request", sa.Column("severity", sa.Float(), nullable=False, server_default="0"))
    op.add_column("retrain_request", sa.Column("released_at", TIME))
    op.create_index(
        "ix_retrain_request_one_waiting",
        "retrain_request",
        ["sku"],
        unique=True,
        sqlite_where=sa.text("status = 'waiting'"),
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.add_column("monitor_result", sa.Column("day", sa.Date()))
    op.create_index("ix_monitor_result_sku_kind_day", "monitor_result", ["sku", "kind", "day"], unique=True)


def _trials() -> None:
    op.create_table(
        "trial",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sku", NAME, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("rival", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("began_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("ended_at", TIME),
        sa.ForeignKeyConstraint(["sku"], ["product.sku"], name="fk_trial_sku"),
        sa.PrimaryKeyConstraint("id", name="pk_trial"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_trial_sku_id", "trial", ["sku", "id"])
    op.create_index(
        "ix_trial_one_open",
        "trial",
        ["sku"],
        unique=True,
        sqlite_where=sa.text("status = 'open'"),
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_table(
        "shadow_day",
        sa.Column("trial_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.Date(), nullable=False),
        sa.Column("horizon", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("price", sa.Float(), nullable=False),
        sa.Column("lower_80", sa.Float(), nullable=False),
        sa.Column("upper_80", sa.Float(), nullable=False),
        sa.Column("lower_95", sa.Float(), nullable=False),
        sa.Column("upper_95", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["trial_id"], ["trial.id"], name="fk_shadow_day_trial_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("trial_id", "origin", "horizon", name="pk_shadow_day"),
        sqlite_with_rowid=False,
    )
