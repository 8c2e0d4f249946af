"""What all tables share: the metadata that knows them, the names of their keys and indexes, the column of a product.

Belongs here: nothing of one table.
"""

from typing import Any, Final

from sqlalchemy import Column, ForeignKey, MetaData

from pricecast_dagster.storage.column_types import Name

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata: Final = MetaData(naming_convention=NAMING)


def sku_column(**options: Any) -> "Column[str]":
    """A reference to a product."""
    return Column("sku", Name, ForeignKey("product.sku"), nullable=False, **options)
