"""Alerts: what is wrong now, the digests that told of it, and their way to each receiver."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"

NAME: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME: Final = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Three tables."""
    op.create_table(
        "alert",
        sa.Column("subject", NAME, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sku", NAME),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.Column("resolved_at", TIME),
        sa.Column("told_at", TIME),
        sa.Column("told_severity", sa.Text()),
        sa.Column("announced", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_alert"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_alert_resolved_at", "alert", ["resolved_at"])
    op.create_table(
        "alert_digest",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alert_digest"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "alert_delivery",
        sa.Column("digest_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("target", NAME, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", TIME, nullable=False),
        sa.Column("delivered_at", TIME),
        sa.Column("error", sa.Text()),
        sa.ForeignKeyConstraint(["digest_id"], ["alert_digest.id"], name="fk_alert_delivery_digest_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("digest_id", "target", name="pk_alert_delivery"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_alert_delivery_status_target", "alert_delivery", ["status", "target"])
