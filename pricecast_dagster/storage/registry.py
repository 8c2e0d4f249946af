"""Registry: every version of every model, which one is champion, and how it came to be (`modelos_predicao`).

Belongs here: the registry table and its one rule, exactly one champion a SKU or none. Not here: which versions are given up
(`storage.retention`), the models themselves (`storage.artifacts`), who deserves to be champion (`forecasting.promotion`), and the
state of price_model that has to follow (`storage.states.set_version`, in the same transaction).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, update

from pricecast_dagster.errors import SupersededError, UnknownVersionError
from pricecast_dagster.storage.database import in_parts
from pricecast_dagster.storage.tables import modelos_predicao as models

VERSION_FORMAT = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version of a SKU's model.

    Attributes:
        version: UTC time such as `20251016T193000Z`, unique within the SKU.
        champion: whether it is the one that answers; `champion_since` stays when it no longer is.
        model_type: for people, such as `LightGBM`.
        metrics: on held-out days; facts: weights, coverage, training window, feature list and what else was recorded.
        reason: why it was trained; decision: why it became champion, or why not.
        fingerprint: of everything the training depended on.
        artifact: path below PRICECAST_HOME; sha256: of its metadata.json, which has the hashes of its other files.
        deleted_at: when its files were given up; the row stays.
    """

    sku: str
    version: str
    model_type: str
    recipe: Mapping[str, object]
    metrics: Mapping[str, object]
    facts: Mapping[str, object]
    reason: str
    decision: str
    fingerprint: str
    feature_version: str
    history_version: str
    trained_at: datetime
    training_samples: int
    validation_samples: int
    features_count: int
    artifact: str
    sha256: str
    champion: bool = False
    champion_since: datetime | None = None
    deleted_at: datetime | None = None


def version_name(moment: datetime) -> str:
    """The name of a model made at that moment, to the second."""
    return moment.astimezone(UTC).strftime(VERSION_FORMAT)


def studied(connection: Connection, carried_on: Iterable[str]) -> dict[str, ModelVersion]:
    """SKU -> the newest version for which a recipe was looked for or judged, champion or not, of those with a champion.

    Args:
        carried_on: reasons of versions that only carried a recipe on.
    """
    age = func.row_number().over(partition_by=models.c.sku, order_by=models.c.version.desc()).label("age")
    with_champion = select(models.c.sku).where(models.c.champion)
    ranked = select(models, age).where(models.c.reason.not_in(list(carried_on)), models.c.sku.in_(with_champion)).subquery()
    columns = [ranked.c[column.name] for column in models.c]
    return {row.sku: version_of(row) for row in connection.execute(select(*columns).where(ranked.c.age == 1))}


def newest_names(connection: Connection, skus: Iterable[str]) -> dict[str, str]:
    """SKU -> the name of its newest version, deleted or not, for those that ever had one."""
    found: dict[str, str] = {}
    for part in in_parts(sorted(set(skus))):
        query = select(models.c.sku, func.max(models.c.version)).where(models.c.sku.in_(part)).group_by(models.c.sku)
        found.update((sku, version) for sku, version in connection.execute(query))
    return found


_BY_HAND: Final = "rolled back to by hand; before: "
"""Begins the decision of a version that a person went back to; why it came to be stays behind it."""


def add(connection: Connection, versions: Sequence[ModelVersion]) -> None:
    """Add versions; those that are champions take the place of the present ones.

    Args:
        connection: of a write.
        versions: a champion carries the time since when it is (`champion_since`).

    Raises:
        SupersededError: a SKU has a version of that name already; nothing was added.
    """
    if not versions:
        return
    _refuse_known(connection, versions)
    for part in in_parts(sorted({version.sku for version in versions if version.champion})):
        connection.execute(update(models).where(models.c.sku.in_(part), models.c.champion).values(champion=False))
    connection.execute(insert(models), [_row(version) for version in versions])


def champions(connection: Connection, skus: Iterable[str] | None = None) -> dict[str, ModelVersion]:
    """SKU -> its champion, for those of the given SKUs (or of all) that have one."""
    query = select(models).where(models.c.champion)
    if skus is None:
        return {row.sku: version_of(row) for row in connection.execute(query)}
    found: dict[str, ModelVersion] = {}
    for part in in_parts(sorted(set(skus))):
        for row in connection.execute(query.where(models.c.sku.in_(part))):
            found[row.sku] = version_of(row)
    return found


def get(connection: Connection, sku: str, version: str | None = None) -> ModelVersion:
    """One version, deleted or not; the champion where none is named.

    Raises:
        UnknownVersionError: there is none.
    """
    wanted = models.c.champion if version is None else models.c.version == version
    row = connection.execute(select(models).where(models.c.sku == sku, wanted)).one_or_none()
    if row is None:
        raise unknown(sku, version)
    return version_of(row)


def versions(connection: Connection, sku: str) -> list[ModelVersion]:
    """All versions of a SKU, newest first, the deleted ones too."""
    query = select(models).where(models.c.sku == sku).order_by(models.c.version.desc())
    return [version_of(row) for row in connection.execute(query)]


def listed(connection: Connection, *, limit: int | None = None, offset: int = 0, prefix: str = "") -> list[ModelVersion]:
    """The champions of all SKUs whose name begins so, by SKU."""
    query = select(models).where(models.c.champion, models.c.sku.startswith(prefix, autoescape=True))
    return [version_of(row) for row in connection.execute(query.order_by(models.c.sku).limit(limit).offset(offset))]


def count(connection: Connection, prefix: str = "") -> int:
    """How many SKUs whose name begins so have a champion."""
    query = select(func.count()).where(models.c.champion, models.c.sku.startswith(prefix, autoescape=True))
    return connection.scalar(query) or 0


def promote(connection: Connection, sku: str, version: str, now: datetime, decision: str | None = None) -> ModelVersion:
    """Make a version the champion.

    Raises:
        UnknownVersionError: there is no such version, or its files were given up.
    """
    chosen = get(connection, sku, version)
    if chosen.deleted_at is not None:
        raise UnknownVersionError(
            f"Version {version} of SKU {sku!r} was deleted at {chosen.deleted_at:%Y-%m-%d %H:%M} UTC.",
            remedy=f"`pricecast models show {sku}` lists those there are.",
        )
    if chosen.champion:
        return chosen
    promoted = replace(chosen, champion=True, champion_since=now, decision=decision or chosen.decision)
    connection.execute(update(models).where(models.c.sku == sku, models.c.champion).values(champion=False))
    connection.execute(
        update(models)
        .where(models.c.sku == sku, models.c.version == version)
        .values(champion=True, champion_since=now, decision=promoted.decision)
    )
    return promoted


def rollback(connection: Connection, sku: str, now: datetime, to: str | None = None) -> ModelVersion:
    """Go back to an earlier version: a named one, or the one that was champion before the present one.

    Raises:
        UnknownVersionError: there is no such version, or none that was champion before.
    """
    if to is None:
        to = _champion_before(connection, sku)
    came = get(connection, sku, to).decision.removeprefix(_BY_HAND)
    return promote(connection, sku, to, now, decision=f"{_BY_HAND}{came}")


def demote(connection: Connection, skus: Iterable[str]) -> None:
    """Leave some SKUs without a champion: their histories are too short for one by now."""
    for part in in_parts(sorted(set(skus))):
        connection.execute(update(models).where(models.c.sku.in_(part), models.c.champion).values(champion=False))


def _refuse_known(connection: Connection, versions: Sequence[ModelVersion]) -> None:
    wanted = {(version.sku, version.version) for version in versions}
    for part in in_parts(sorted({sku for sku, _ in wanted})):
        query = select(models.c.sku, models.c.version).where(models.c.sku.in_(part))
        known = wanted.intersection((row.sku, row.version) for row in connection.execute(query))
        if known:
            sku, version = min(known)
            raise SupersededError(f"SKU {sku!r} has a model version {version} already; nothing was added.")


def _champion_before(connection: Connection, sku: str) -> str:
    query = (
        select(models.c.version)
        .where(models.c.sku == sku, ~models.c.champion, models.c.champion_since.is_not(None), models.c.deleted_at.is_(None))
        .order_by(models.c.champion_since.desc(), models.c.version.desc())
        .limit(1)
    )
    version: str | None = connection.scalar(query)
    if version is None:
        raise UnknownVersionError(
            f"SKU {sku!r} has no earlier champion to go back to.", remedy=f"`pricecast models show {sku}` lists its versions."
        )
    return version


def _row(version: ModelVersion) -> dict[str, object]:
    return {column.name: getattr(version, column.name) for column in models.c}


def version_of(row: Row[Any]) -> ModelVersion:
    """A version from a row of the table."""
    return ModelVersion(**row._mapping)


def unknown(sku: str, version: str | None) -> UnknownVersionError:
    """The error for a version that is not there; None is the champion."""
    what = "no model" if version is None else f"no model version {version}"
    makes, lists = f"`pricecast train --sku {sku}` makes one.", f"`pricecast models show {sku}` lists its versions."
    return UnknownVersionError(f"SKU {sku!r} has {what}.", remedy=makes if version is None else lists)
