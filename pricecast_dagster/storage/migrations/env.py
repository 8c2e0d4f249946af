"""How Alembic runs the steps: inside the transaction it is given. It is loaded by Alembic, never imported."""

from alembic import context

from pricecast_dagster.storage.migrations import VERSION_TABLE
from pricecast_dagster.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
