"""Backup: all models and their registry in one tar file, and back, on another machine and another kind of database.

Belongs here: the file's form, checking it, putting it back. Not here: rows and forecasts, which the source and a refresh give.

    models/<fan>/<key>/<version>/...    as `storage.artifacts` has them
    tables/<table>.jsonl                product, modelos_predicao, and the price_model rows of stage_state
    manifest.json                       written last; SHA-256 of each table file

The chain of hashes is whole: the manifest has those of the tables, the registry that of each version's metadata.json, that those
of its files. All of it is checked before anything is written.
"""

import io
import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, Table, select, update

from pricecast_dagster.errors import DamagedArtifactError, StorageError, UnknownVersionError
from pricecast_dagster.schemas import Stage
from pricecast_dagster.storage import registry, requests
from pricecast_dagster.storage.artifacts import Artifacts
from pricecast_dagster.storage.column_types import Utc
from pricecast_dagster.storage.database import Database, in_parts, insert_or_update
from pricecast_dagster.storage.json_text import to_json
from pricecast_dagster.storage.tables import modelos_predicao, product, stage_state

_MANIFEST: Final = "manifest.json"
_FORMAT: Final = 1
_TABLES: Final = (product, modelos_predicao, stage_state)
_NOT_A_BACKUP: Final = "Name a file that `pricecast backup` wrote."


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What a backup holds: products, model versions with their files, and the size of the file in bytes."""

    products: int
    versions: int
    size: int


_Rows = list[dict[str, Any]]


def backup(database: Database, artifacts: Artifacts, file: Path) -> BackedUp:
    """Write all models and their registry to a tar file; it is there whole or not at all.

    Args:
        database: read in one snapshot; training may go on meanwhile.
        artifacts: where the files are.
        file: compressed where its name ends in `.gz` or `.tgz`.

    Raises:
        DamagedArtifactError: a stored model is not as it was saved; a backup of it would be worth nothing.
        StorageError: the file cannot be written.
    """
    with database.read() as connection:
        tables = {table.name: _rows(connection, table) for table in _TABLES}
    # Beside the target, so that the rename stays on one disk.
    temporary = file.with_name(f"{file.name}.{uuid4().hex}.tmp")
    compressed = file.suffix in (".gz", ".tgz")
    try:
        with tarfile.open(temporary, "w:gz" if compressed else "w") as tar:
            for row in tables[modelos_predicao.name]:
                if row["deleted_at"] is None:
                    _add_version(database, artifacts, tar, row)
            _add_tables(tar, tables)
        os.replace(temporary, file)  # noqa: PTH105 - Path.replace, spelled like everywhere else
    except OSError as error:
        raise StorageError(f"{file} cannot be written: {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)
    return _summary(tables, file)


def restore(database: Database, artifacts: Artifacts, file: Path, now: datetime | None = None) -> BackedUp:
    """Put the models of a backup back: its champions answer again.

    Of the products in the backup, its champions become champions; newer versions stay in the registry. Products that are not in
    it are left alone. Rows and forecasts come with the next refresh, which trains again only what has changed since.

    Raises:
        DamagedArtifactError: the file is no backup or a byte of it is not as it was written; nothing was changed.
        StorageError: the file is not there.
    """
    now = now or datetime.now(UTC)
    with _opened(file) as tar:
        tables = _read_tables(tar, file)
        rows = {row["artifact"]: row for row in tables[modelos_predicao.name] if row["deleted_at"] is None}
        missing = set(rows)
        for folder, contents in _versions(tar):
            if folder not in rows:
                raise DamagedArtifactError(f"{file} has files in {folder} that its registry does not know.")
            artifacts.check_files(rows[folder]["sku"], rows[folder]["version"], contents, rows[folder]["sha256"])
            missing.discard(folder)
        if missing:
            raise DamagedArtifactError(f"{file} lacks the files of {len(missing)} model versions, such as {min(missing)}.")
        for folder, contents in _versions(tar):
            saved = artifacts.write_files(rows[folder]["sku"], rows[folder]["version"], contents)
            rows[folder]["artifact"] = saved.path
    with database.write() as connection:
        _restore_tables(connection, tables, now)
    return _summary(tables, file)


def _rows(connection: Connection, table: Table) -> _Rows:
    query = select(table).order_by(*table.primary_key)
    if table is stage_state:
        query = query.where(stage_state.c.stage == Stage.PRICE_MODEL.value)
    return [dict(row._mapping) for row in connection.execute(query)]


def _add_version(database: Database, artifacts: Artifacts, tar: tarfile.TarFile, row: dict[str, Any]) -> None:
    try:
        contents = artifacts.read_files(row["sku"], row["version"], row["sha256"])
    except UnknownVersionError:
        # Given up since the snapshot, by a prune or a person: the backup then says so too.
        with database.read() as connection:
            row["deleted_at"] = registry.get(connection, row["sku"], row["version"]).deleted_at
        if row["deleted_at"] is None:
            raise
        row["champion"] = False
        return
    for name, content in contents.items():
        _add(tar, f"{row['artifact']}/{name}", content)


def _add_tables(tar: tarfile.TarFile, tables: Mapping[str, _Rows]) -> None:
    digests = {}
    for name, rows in tables.items():
        content = "".join(f"{to_json(row)}\n" for row in rows).encode()
        digests[_member(name)] = sha256(content).hexdigest()
        _add(tar, _member(name), content)
    _add(tar, _MANIFEST, to_json({"format": _FORMAT, "files": digests}, indent=1).encode())


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    about = tarfile.TarInfo(name)
    about.size = len(content)
    about.mode = 0o644
    tar.addfile(about, io.BytesIO(content))


@contextmanager
def _opened(file: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(file, "r:*") as tar:
            yield tar
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise StorageError(f"{file} cannot be read: {error.strerror}.", remedy=_NOT_A_BACKUP) from error
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DamagedArtifactError(f"{file} is no whole tar file: {error}.", remedy=_NOT_A_BACKUP) from error


def _read_tables(tar: tarfile.TarFile, file: Path) -> dict[str, _Rows]:
    try:
        manifest = json.loads(_content(tar, tar.getmember(_MANIFEST)))
        if manifest["format"] != _FORMAT:
            raise DamagedArtifactError(
                f"{file} is a backup of form {manifest['format']}.", remedy="Use the pricecast that wrote it."
            )
        tables = {}
        for table in _TABLES:
            content = _content(tar, tar.getmember(_member(table.name)))
            if sha256(content).hexdigest() != manifest["files"][_member(table.name)]:
                raise DamagedArtifactError(f"{_member(table.name)} in {file} is not as it was written.", remedy=_NOT_A_BACKUP)
            tables[table.name] = [_typed(table, json.loads(line)) for line in content.decode().splitlines()]
    except (KeyError, ValueError, TypeError) as error:
        raise DamagedArtifactError(f"{file} is no backup of pricecast: {error}.", remedy=_NOT_A_BACKUP) from error
    return tables


def _typed(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    times = [column.name for column in table.c if isinstance(column.type, Utc)]
    return row | {name: datetime.fromisoformat(row[name]) for name in times if row[name] is not None}


def _versions(tar: tarfile.TarFile) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Folder and files of every model version, one in memory at a time."""
    members = (member for member in tar.getmembers() if member.name.startswith("models/"))
    for folder, files in groupby(members, key=lambda member: member.name.rpartition("/")[0]):
        yield folder, {member.name.rpartition("/")[2]: _content(tar, member) for member in files}


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    opened = tar.extractfile(member)
    if opened is None:
        raise DamagedArtifactError(f"{member.name} in {tar.name!r} is no file.", remedy=_NOT_A_BACKUP)
    return opened.read()


def _restore_tables(connection: Connection, tables: Mapping[str, _Rows], now: datetime) -> None:
    kept = [column.name for column in product.c if column.name != "model_hold"]
    insert_or_update(connection, product, tables[product.name], keep=kept)
    skus = sorted({row["sku"] for row in tables[modelos_predicao.name]})
    for part in in_parts(skus):
        ours = modelos_predicao.c.sku.in_(part) & modelos_predicao.c.champion
        connection.execute(update(modelos_predicao).where(ours).values(champion=False))
    insert_or_update(connection, modelos_predicao, tables[modelos_predicao.name])
    # Requests have other numbers here; what was asked before the restore counts as answered by it.
    asked = requests.newest(connection, [row["sku"] for row in tables[stage_state.name]])
    for row in tables[stage_state.name]:
        request = asked.get(row["sku"])
        number = request.id if request else None
        row.update(request_id=number, failed_request_id=None if row["error"] is None else number, announced_version=None)
    insert_or_update(connection, stage_state, tables[stage_state.name])
    requests.answer(connection, [(sku, request.id, "restored") for sku, request in asked.items()], now)


def _member(table_name: str) -> str:
    return f"tables/{table_name}.jsonl"


def _summary(tables: Mapping[str, _Rows], file: Path) -> BackedUp:
    alive = sum(row["deleted_at"] is None for row in tables[modelos_predicao.name])
    return BackedUp(len(tables[product.name]), alive, file.stat().st_size)
