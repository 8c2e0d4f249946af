"""Tables of the learning loop: scores, findings, requests and trials.

Belongs here: names, types, keys and indexes. Not here: whom they are told to (`alerting`).
"""

from sqlalchemy import JSON, Boolean, Column, Date, Float, ForeignKeyConstraint, Index, Integer, Table, Text

from pricecast_dagster.storage.column_types import Utc
from pricecast_dagster.storage.tables.base import metadata, sku_column

retrain_request = Table(
    "retrain_request",
    metadata,
    Column("id", Integer, primary_key=True),
    sku_column(),
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
    sku_column(),
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
    sku_column(primary_key=True),
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
    sku_column(),
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
