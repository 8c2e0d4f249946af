"""Tables of the catalogue: products, how each stands in each stage, and the reads of the source.

Belongs here: names, types, keys and indexes. Not here: models and forecasts (`results`), what is found of them (`learning`).
"""

from sqlalchemy import JSON, Boolean, Column, Float, Index, Integer, Table, Text, false, true

from pricecast_dagster.storage.column_types import Name, Utc
from pricecast_dagster.storage.tables.base import metadata, sku_column

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
    sku_column(primary_key=True),
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
