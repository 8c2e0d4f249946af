"""Storage on real SQLite and PostgreSQL."""
