"""The folder: files of CSV or Parquet on a disk or behind a URL, as sheets.

Belongs here: finding and opening files through fsspec. Not here: what is inside them (`encodings`, `delimited`, `parquet`).

A folder is read with its subfolders; names that begin with a dot or an underscore are not looked at. The order of files is
that of their paths, and decides between rows that contradict each other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from pricecast_dagster.errors import SettingsError, SourceUnavailableError, UnreadableFileError
from pricecast_dagster.settings import Settings
from pricecast_dagster.sources.columns import expected_names
from pricecast_dagster.sources.delimited import read_header, read_records
from pricecast_dagster.sources.encodings import decoded, uncompressed
from pricecast_dagster.sources.parquet import MAGIC, read_parquet
from pricecast_dagster.sources.sheet import Sheet

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_TABULAR: Final = (".csv", ".tsv", ".txt", ".parquet", ".pq")
_COMPRESSED: Final = (".gz", ".bz2", ".xz", ".zip")
_NAMED_AT_MOST: Final = 5
_SPELLED: Final = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}


@dataclass(frozen=True, slots=True)
class Found:
    """A file of the source.

    Attributes:
        name: relative to the source, with slashes.
        path: as its file system wants it.
        state: what changes when the file does: size, time of writing, etag, as far as the file system tells.
    """

    name: str
    path: str
    state: Mapping[str, str]


def find_files(settings: Settings) -> tuple["AbstractFileSystem", list[Found], list[str]]:
    """The tabular files of the source, by path, and notes about the others.

    Raises:
        SourceUnavailableError: there is no such folder, file or file system.
    """
    filesystem, root = _open(settings.source)
    try:
        single = filesystem.isfile(root)
        entries = {root: filesystem.info(root)} if single else filesystem.find(root, detail=True)
    except OSError as error:
        raise SourceUnavailableError(f"The source {settings.source} cannot be listed: {error}.") from error
    if not entries:
        raise SourceUnavailableError(f"The source {settings.source} is not there, or has no files.")
    found: list[Found] = []
    others: list[str] = []
    for path, entry in sorted(entries.items()):
        name = PurePosixPath(path).name if path == root else path.removeprefix(root).lstrip("/")
        if any(part.startswith((".", "_")) for part in name.split("/")):
            continue
        if _is_tabular(name):
            found.append(Found(name, path, _state(entry)))
        else:
            others.append(name)
    notes = [_ignored(others)] if others else []
    if not found:
        raise SourceUnavailableError(f"The source {settings.source} has no CSV or Parquet file. {' '.join(notes)}".strip())
    return filesystem, found, notes


def read_file(filesystem: "AbstractFileSystem", found: Found, settings: Settings) -> Sheet | None:
    """One file as a sheet; None where it has no header.

    Raises:
        UnreadableFileError: it is damaged, or not what its name says.
        SourceUnavailableError: it has gone since it was listed.
    """
    try:
        raw = filesystem.cat_file(found.path)
    except OSError as error:
        raise SourceUnavailableError(f"File {found.name} of the source cannot be read: {error}.") from error
    raw = uncompressed(raw, found.name)
    if raw.startswith(MAGIC):
        return read_parquet(raw, found.name)
    if ".parquet" in found.name.lower() or ".pq" in found.name.lower():
        raise UnreadableFileError(f"File {found.name} is not Parquet, whatever its name says.")
    return read_csv(raw, found.name, settings)


def read_csv(raw: bytes, name: str, settings: Settings) -> Sheet | None:
    """The bytes of a CSV file as a sheet; None where it has no header."""
    text = decoded(raw, settings.encoding, name)
    header = read_header(text.content, _separator(settings.separator), expected_names(settings.columns))
    if header is None:
        return None
    sheet = read_records(text.content, header, name)
    if text.damaged:
        note = f"{name}: {text.damaged} characters are not {text.encoding} and were replaced."
        return replace(sheet, notes=(*sheet.notes, note))
    return sheet


def _open(source: str) -> tuple["AbstractFileSystem", str]:
    import fsspec

    try:
        filesystem, root = fsspec.core.url_to_fs(source)
    except (ImportError, ValueError, OSError) as error:
        raise SourceUnavailableError(
            f"The source {source} cannot be opened: {error}.", remedy="Install what its file system needs, or correct it."
        ) from error
    return filesystem, root.rstrip("/") or root


def _is_tabular(name: str) -> bool:
    lowered = name.lower()
    for suffix in _COMPRESSED:
        lowered = lowered.removesuffix(suffix)
    return lowered.endswith(_TABULAR)


def _ignored(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED_AT_MOST} more" if len(names) > _NAMED_AT_MOST else ""
    return f"{', '.join(names[:_NAMED_AT_MOST])}{more}: ignored, neither CSV nor Parquet by name."


def _state(entry: Mapping[str, Any]) -> dict[str, str]:
    # Every file system has its own names for it; those that are not there are left out.
    names: Iterable[str] = ("size", "mtime", "ino", "ETag", "etag", "LastModified", "last_modified", "updated", "created")
    return {name: str(entry[name]) for name in names if entry.get(name) is not None}


def _separator(setting: str) -> str:
    separator = _SPELLED.get(setting, setting)
    if separator != "auto" and (len(separator) != 1 or not separator.isascii() or separator in '"\r\n'):
        raise SettingsError(f"PRICECAST_SEPARATOR is {setting!r}; it is one character, `tab`, or `auto`.")
    return separator
