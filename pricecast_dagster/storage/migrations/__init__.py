"""The steps from one form of the database to the next; Alembic runs them.

Belongs here: `versions`, one module a step, never changed once released. Not here: the present form (`storage.tables`).
"""

VERSION_TABLE = "pricecast_version"
"""Not Alembic's usual name: Dagster's tables may lie in the same PostgreSQL database, and `alembic_version` is theirs."""

HEAD = "0004"
"""The last step. Written here so that opening a database needs no Alembic (0.3 s); a test holds it against the steps."""
