from pricecast_dagster_tests.databases import database, database_url

__all__ = ["database", "database_url"]
