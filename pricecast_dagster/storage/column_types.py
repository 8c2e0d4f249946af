"""Column types: what means the same on SQLite and PostgreSQL and is not in SQLAlchemy.

Belongs here: types. Not here: tables (`storage.tables`).
"""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import DateTime, Dialect, Text
from sqlalchemy.types import TypeDecorator

# Bytewise order on PostgreSQL as on SQLite: lists come in the same order, and a prefix search can use the index.
Name: Final = Text().with_variant(Text(collation="C"), "postgresql")


class Utc(TypeDecorator[datetime]):
    """A time with its zone, kept in UTC; SQLite has no zones, so they are taken off and put back here."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """In UTC; without a zone on SQLite."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone: {value}")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """In UTC, with the zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
