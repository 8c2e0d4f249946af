"""Retention: which versions of models are kept, and which are given up; their rows stay in the registry.

Belongs here: which versions can go, and noting that they went. Not here: deleting files (`storage.artifacts`), and when that is
done (`operations.maintenance`).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, func, or_, select, update

from pricecast_dagster.storage import registry
from pricecast_dagster.storage.database import in_parts
from pricecast_dagster.storage.registry import ModelVersion, unknown, version_of
from pricecast_dagster.storage.tables import forecast, trial
from pricecast_dagster.storage.tables import modelos_predicao as models


def delete(connection: Connection, sku: str, now: datetime) -> list[ModelVersion]:
    """Give up all versions of a SKU, the champion too.

    Returns:
        Those that were given up; their files can go once the transaction is through.

    Raises:
        UnknownVersionError: the SKU has no model.
    """
    present = [version for version in registry.versions(connection, sku) if version.deleted_at is None]
    if not present:
        raise unknown(sku, None)
    give_up(connection, present, now)
    return present


def superseded(connection: Connection, skus: Iterable[str], keep: int) -> list[ModelVersion]:
    """The versions of these SKUs beyond the champion, those in an open trial and the `keep` newest others, by SKU.

    One that a SKU's current forecast was made with is not among them, champion or not, nor one on a trial that is open.
    """
    on_trial = select(trial.c.id).where(
        trial.c.sku == models.c.sku, trial.c.version == models.c.version, trial.c.status == "open"
    )
    age = func.row_number().over(partition_by=models.c.sku, order_by=models.c.version.desc()).label("age")
    in_use = or_(
        select(forecast.c.id)
        .where(forecast.c.sku == models.c.sku, forecast.c.model_version == models.c.version, forecast.c.current)
        .exists(),
        select(trial.c.id)
        .where(
            trial.c.sku == models.c.sku,
            trial.c.status == "open",
            or_(trial.c.version == models.c.version, trial.c.rival == models.c.version),
        )
        .exists(),
    )
    old: list[ModelVersion] = []
    for part in in_parts(sorted(set(skus))):
        others = and_(models.c.sku.in_(part), ~models.c.champion, models.c.deleted_at.is_(None), ~on_trial.exists())
        ranked = select(models, age, in_use.label("in_use")).where(others).subquery()
        columns = [ranked.c[column.name] for column in models.c]
        beyond = and_(ranked.c.age > keep, ~ranked.c.in_use)
        old += [version_of(row) for row in connection.execute(select(*columns).where(beyond).order_by(ranked.c.sku))]
    return old


def prune(connection: Connection, skus: Iterable[str], keep: int, now: datetime) -> list[ModelVersion]:
    """Give up what `superseded` finds; returns those given up."""
    old = superseded(connection, skus, keep)
    give_up(connection, old, now)
    return old


def kept(connection: Connection, skus: Iterable[str] | None = None) -> list[ModelVersion]:
    """Every version whose files are kept, of some SKUs or of all, by SKU."""
    query = select(models).where(models.c.deleted_at.is_(None)).order_by(models.c.sku, models.c.version)
    if skus is None:
        return [version_of(row) for row in connection.execute(query)]
    parts = in_parts(sorted(set(skus)))
    return [version_of(row) for part in parts for row in connection.execute(query.where(models.c.sku.in_(part)))]


def give_up(connection: Connection, given_up: Sequence[ModelVersion], now: datetime) -> None:
    """Give up versions, champions too; their rows stay, their files can go once the transaction is through."""
    if not given_up:
        return
    statement = (
        update(models)
        .where(models.c.sku == bindparam("of_sku"), models.c.version == bindparam("of_version"))
        .values(champion=False, deleted_at=now)
    )
    connection.execute(statement, [{"of_sku": version.sku, "of_version": version.version} for version in given_up])
