"""Standing: how a product's forecast stands right now, read for many products in one statement.

Belongs here: what decides whether an answer that is kept in memory is still the right one. Not here: the forecasts themselves
(`storage.forecasts`), and the rule of staleness (`storage.staleness`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, Select, and_, bindparam, select

from pricecast_dagster.schemas import Stage
from pricecast_dagster.storage import staleness
from pricecast_dagster.storage.tables import forecast, product

# A whole statement a batch, so that its SQL is put together once: that costs ten times what asking costs.
PRODUCTS_AT_ONCE: Final = 64


@dataclass(frozen=True, slots=True)
class Standing:
    """A product of the source and its stored forecast.

    Attributes:
        version: of the stored forecast; None where there is none.
        horizon_days: how far it reaches; 0 where there is none.
        stale: why it is out of date, in words; None where it is not.
    """

    sku: str
    version: str | None
    horizon_days: int
    stale: str | None


def standings(connection: Connection, skus: Iterable[str], code_versions: Mapping[Stage, str]) -> dict[str, Standing]:
    """SKU -> how its forecast stands, for those of the given SKUs that are in the source.

    Args:
        connection: of a read.
        skus: any.
        code_versions: those in force.
    """
    wanted = sorted(set(skus))
    statement = _statement(tuple(sorted(code_versions.items())))
    found: dict[str, Standing] = {}
    for start in range(0, len(wanted), PRODUCTS_AT_ONCE):
        part = wanted[start : start + PRODUCTS_AT_ONCE]
        for row in connection.execute(statement, {"skus": part}):
            found[row.sku] = Standing(row.sku, row.version, row.horizon_days or 0, row.reason)
    return found


@cache
def _statement(code_versions: tuple[tuple[Stage, str], ...]) -> "Select[Any]":
    skus: BindParameter[Any] = bindparam("skus", expanding=True)
    due = staleness.statement(dict(code_versions), skus).order_by(None).subquery("due")
    return (
        select(product.c.sku, forecast.c.version, forecast.c.horizon_days, due.c.reason)
        .outerjoin(forecast, and_(forecast.c.sku == product.c.sku, forecast.c.current))
        .outerjoin(due, due.c.sku == product.c.sku)
        .where(product.c.active, product.c.sku.in_(skus))
    )
