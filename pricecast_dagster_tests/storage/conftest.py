"""Every test of this folder that asks for a database runs on SQLite and on PostgreSQL."""

from pricecast_dagster_tests.databases import database, database_url

__all__ = ["database", "database_url"]
