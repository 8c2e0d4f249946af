"""Tables of alerting: what there is to tell, and what became of the telling.

Belongs here: names, types, keys and indexes. Not here: what is found (`learning`).
"""

from sqlalchemy import JSON, Boolean, Column, ForeignKeyConstraint, Index, Integer, Table, Text, false

from pricecast_dagster.storage.column_types import Name, Utc
from pricecast_dagster.storage.tables.base import metadata

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
