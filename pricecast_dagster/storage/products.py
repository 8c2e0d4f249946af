"""Products: which SKUs there are, what they are called, and whose model is held.

Belongs here: the product table. Not here: deciding that a product is gone (`stages.ingest`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, or_, select, update

from pricecast_dagster.errors import UnknownSkuError
from pricecast_dagster.storage.database import in_parts, insert_or_update
from pricecast_dagster.storage.tables import product, stage_state


@dataclass(frozen=True, slots=True)
class Product:
    """One product.

    Attributes:
        active: whether it was in the source at the last full read; `removed_at` says when it was found to be gone.
        model_hold: why nothing trains it until it is asked for; None where nothing holds it.
    """

    sku: str
    name: str
    category: str
    active: bool
    first_seen: datetime
    removed_at: datetime | None
    model_hold: str | None


def upsert(connection: Connection, seen: Sequence[tuple[str, str, str]], now: datetime) -> list[str]:
    """Take up products that a read of the source has seen; those that were gone are brought back.

    Args:
        connection: of a write.
        seen: SKU, name, category.
        now: the time of the read.

    Returns:
        The SKUs that were brought back. Their states are forgotten: what is kept of them may be months old, so everything is
        computed again, from the model recipe they had.
    """
    returned = sorted(removed_skus(connection).intersection(sku for sku, _, _ in seen))
    for part in in_parts(returned):
        connection.execute(delete(stage_state).where(stage_state.c.sku.in_(part)))
    rows = [
        {"sku": sku, "name": name, "category": category, "active": True, "first_seen": now, "removed_at": None}
        for sku, name, category in sorted(seen)
    ]
    insert_or_update(connection, product, rows, keep=["first_seen"])
    return returned


def remove(connection: Connection, skus: Iterable[str], now: datetime) -> None:
    """Mark products as gone; their models, forecasts and history stay for those who look back."""
    for part in in_parts(sorted(set(skus))):
        connection.execute(update(product).where(product.c.sku.in_(part), product.c.active).values(active=False, removed_at=now))


def hold(connection: Connection, sku: str, reason: str) -> None:
    """Keep the product from being trained until it is asked for.

    Raises:
        UnknownSkuError: there is no such product.
    """
    if connection.execute(update(product).where(product.c.sku == sku).values(model_hold=reason)).rowcount == 0:
        raise absent(connection, sku)


def lift_holds(connection: Connection, skus: Iterable[str]) -> None:
    """Let products be trained again; those that are not held stay as they are."""
    for part in in_parts(sorted(set(skus))):
        held_ones = product.c.sku.in_(part) & product.c.model_hold.is_not(None)
        connection.execute(update(product).where(held_ones).values(model_hold=None))


def held(connection: Connection, skus: Iterable[str]) -> dict[str, str]:
    """SKU -> why its model is held, for those of the given SKUs that are."""
    query = select(product.c.sku, product.c.model_hold).where(product.c.model_hold.is_not(None))
    return {row.sku: row.model_hold for row in _of(connection, query, skus)}


def active_skus(connection: Connection) -> set[str]:
    """The SKUs that are in the source."""
    return set(connection.scalars(select(product.c.sku).where(product.c.active)))


def categories(connection: Connection) -> dict[str, int]:
    """Category -> how many active products it has."""
    count = func.count().label("products")
    query = select(product.c.category, count).where(product.c.active).group_by(product.c.category).order_by(product.c.category)
    return {row.category: row.products for row in connection.execute(query)}


def names(connection: Connection) -> dict[str, str]:
    """SKU -> name, of all that are in the source, by SKU."""
    query = select(product.c.sku, product.c.name).where(product.c.active).order_by(product.c.sku)
    return {row.sku: row.name for row in connection.execute(query)}


def removed_skus(connection: Connection) -> set[str]:
    """The SKUs that were in the source once."""
    return set(connection.scalars(select(product.c.sku).where(~product.c.active)))


def removed_before(connection: Connection, moment: datetime) -> list[str]:
    """The SKUs that were found to be gone before a time, sorted."""
    query = select(product.c.sku).where(~product.c.active, product.c.removed_at < moment).order_by(product.c.sku)
    return list(connection.scalars(query))


def known_skus(connection: Connection, skus: Iterable[str]) -> set[str]:
    """Those of the given SKUs that are in the source."""
    return {row.sku for row in _of(connection, select(product.c.sku).where(product.c.active), skus)}


def absent(connection: Connection, sku: str) -> UnknownSkuError:
    """The error of a product that is not in the source: there never was one, or since when it is gone."""
    removed_at = connection.scalar(select(product.c.removed_at).where(product.c.sku == sku, ~product.c.active))
    if removed_at is None:
        return UnknownSkuError(f"There is no product {sku!r}.")
    return UnknownSkuError(
        f"Product {sku!r} is gone from the source since {removed_at:%Y-%m-%d %H:%M} UTC.",
        remedy="`pricecast why` tells what is kept of it; when the source has it again, so does `pricecast refresh`.",
    )


def get(connection: Connection, sku: str) -> Product:
    """One product, whether in the source or gone.

    Raises:
        UnknownSkuError: there is no such product.
    """
    row = connection.execute(select(product).where(product.c.sku == sku)).one_or_none()
    if row is None:
        raise absent(connection, sku)
    return Product(**row._mapping)


def page(connection: Connection, *, limit: int, offset: int = 0, search: str = "") -> list[Product]:
    """Active products in order of their SKU.

    Args:
        connection: of a read.
        limit: at most so many.
        offset: after so many.
        search: a part of SKU, name or category, in any case; empty means all.
    """
    query = select(product).where(_found(search)).order_by(product.c.sku).limit(limit).offset(offset)
    return [Product(**row._mapping) for row in connection.execute(query)]


def count(connection: Connection, search: str = "") -> int:
    """How many active products there are, or are found."""
    return connection.scalar(select(func.count()).select_from(product).where(_found(search))) or 0


def _found(search: str) -> ColumnElement[bool]:
    if not search:
        return product.c.active.is_(True)
    wanted = search.lower()
    columns = (product.c.sku, product.c.name, product.c.category)
    return product.c.active & or_(*(func.lower(column).contains(wanted, autoescape=True) for column in columns))


def _of(connection: Connection, query: Select[Any], skus: Iterable[str]) -> Iterable[Row[Any]]:
    for part in in_parts(sorted(set(skus))):
        yield from connection.execute(query.where(product.c.sku.in_(part)))
