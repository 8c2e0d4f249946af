"""Pooled models: the boosters of all products together as they are kept, and which of them is in force.

Belongs here: the pooled_model table and the files below `pooled/`. Not here: what a pooled model is (`forecasting.pooled`), and
making one (`operations.pooling`).

    pooled/<version>.json.gz    written before its row: without the row nobody knows of it

The newest is in force. Older ones are kept while a model version refers to them, so that it can be made again.
"""

import gzip
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, delete, select

from pricecast_dagster.errors import DamagedArtifactError, UnknownVersionError
from pricecast_dagster.forecasting.pooled import Pooled
from pricecast_dagster.storage.database import insert_or_update
from pricecast_dagster.storage.files import Files
from pricecast_dagster.storage.json_text import to_json
from pricecast_dagster.storage.tables import pooled_model

_FOLDER: Final = "pooled"
_REMEDY: Final = "`pricecast pool` makes a new one."


@dataclass(frozen=True, slots=True)
class PooledModel:
    """What is on record of one.

    Attributes:
        version: names its content.
        fingerprint: of everything it depended on: rows, code, calendar.
        until: the last day that was known.
        run_id: of the Dagster run that made it; None from the command line.
        facts: how many `skus` were learned from, of how many (`of_skus`), and `rows` by cut.
        sha256: of its file.
    """

    version: str
    fingerprint: str
    until: date
    made_at: datetime
    run_id: str | None
    facts: Mapping[str, Any]
    sha256: str


def save(files: Files, pooled: Pooled) -> str:
    """Write the file of a pooled model; returns its SHA-256. The same model gives the same bytes."""
    content = gzip.compress(to_json(pooled.to_json(), sort_keys=True).encode(), mtime=0)
    files.write(_path(pooled.version), content)
    return sha256(content).hexdigest()


def load(files: Files, version: str, expected_sha256: str) -> Pooled:
    """A pooled model.

    Raises:
        UnknownVersionError: its file is not there.
        DamagedArtifactError: its bytes are not those that were saved.
    """
    content = files.read(_path(version))
    if content is None:
        raise UnknownVersionError(f"The file of the pooled model {version} is not there.", remedy=_REMEDY)
    found = sha256(content).hexdigest()
    if found != expected_sha256:
        raise DamagedArtifactError(
            f"{files.address(_path(version))} is not as it was saved: "
            f"SHA-256 {found[:12]}..., recorded {expected_sha256[:12]}...",
            remedy=_REMEDY,
        )
    return Pooled.from_json(json.loads(gzip.decompress(content)))


def record(connection: Connection, made: PooledModel) -> None:
    """Put one on record; it is in force from now on."""
    insert_or_update(connection, pooled_model, [asdict(made)])


def in_force(connection: Connection) -> PooledModel | None:
    """The newest one; None where none was made."""
    query = select(pooled_model).order_by(pooled_model.c.made_at.desc(), pooled_model.c.version).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else PooledModel(**row._mapping)


def get(connection: Connection, version: str) -> PooledModel:
    """One by its version.

    Raises:
        UnknownVersionError: there is none, or it was given up.
    """
    row = connection.execute(select(pooled_model).where(pooled_model.c.version == version)).one_or_none()
    if row is None:
        raise UnknownVersionError(f"The pooled model {version} is not on record any more.", remedy=_REMEDY)
    return PooledModel(**row._mapping)


def superseded(connection: Connection, kept: Collection[str]) -> list[str]:
    """Versions that are neither in force nor among those that are kept."""
    newest = in_force(connection)
    held = {*kept, newest.version} if newest else set(kept)
    return [row.version for row in connection.execute(select(pooled_model.c.version)) if row.version not in held]


def give_up(connection: Connection, versions: Collection[str]) -> int:
    """Forget some versions; their files are deleted after the transaction. Returns how many there were."""
    return connection.execute(delete(pooled_model).where(pooled_model.c.version.in_(sorted(versions)))).rowcount


def delete_files(files: Files, versions: Collection[str]) -> None:
    """Delete the files of versions that were given up."""
    for version in sorted(versions):
        files.delete(_path(version))


def _path(version: str) -> str:
    return f"{_FOLDER}/{version}.json.gz"
