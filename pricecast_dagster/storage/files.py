"""Files: bytes below PRICECAST_HOME, on a local disk or behind any URL fsspec knows (`s3://...`).

Belongs here: whole files in, whole files out, and where nothing is. Not here: what the bytes are (`storage.frames`,
`storage.artifacts`).
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from pricecast_dagster.errors import StorageError

TEMPORARY: Final = ".tmp"
_SAFE_NAME: Final = re.compile(r"[A-Za-z0-9_%-][A-Za-z0-9._%~-]*")


@dataclass(frozen=True, slots=True)
class FileFacts:
    """One file that is there: its path below the home, and when it was last written."""

    path: str
    modified: datetime


class Files:
    """Reads and writes whole files by their path below a home; a file is there whole or not at all."""

    def __init__(self, home: str) -> None:
        """Take a folder or a URL; nothing is made until something is written."""
        import fsspec

        local = "://" not in home
        self._fs, self._root = fsspec.core.url_to_fs(str(Path(home).absolute()) if local else home)
        self._local = local or home.startswith("file://")

    def write(self, path: str, content: bytes) -> None:
        """Write a file, in place of an earlier one if there is one.

        Raises:
            StorageError: the disk is full, or nothing can be written there.
        """
        target = self._full(path)
        try:
            if self._local:
                self._replace(Path(target), content)
            else:
                # An object store shows an object only when it is whole: a rename there is a copy, and gains nothing.
                self._fs.pipe_file(target, content)
        except OSError as error:
            raise StorageError(f"{target} cannot be written: {error}.", remedy="Check PRICECAST_HOME and its space.") from error

    def read(self, path: str) -> bytes | None:
        """The bytes of a file; None where there is none.

        Raises:
            StorageError: it is there and cannot be read.
        """
        source = self._full(path)
        try:
            content: bytes = Path(source).read_bytes() if self._local else self._fs.cat_file(source)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StorageError(f"{source} cannot be read: {error}.", remedy="Check PRICECAST_HOME.") from error
        return content

    def move(self, path: str, to: str) -> bool:
        """Move a file, in place of one that is there; returns whether there was anything to move."""
        content = self.read(path)
        if content is None:
            return False
        self.write(to, content)
        self.delete(path)
        return True

    def delete(self, path: str) -> bool:
        """Delete a file; returns whether there was one."""
        try:
            self._fs.rm_file(self._full(path))
        except FileNotFoundError:
            return False
        return True

    def delete_folder(self, path: str) -> None:
        """Delete a folder with all that is in it, if it is there."""
        try:
            self._fs.rm(self._full(path), recursive=True)
        except FileNotFoundError:
            return

    def is_older(self, path: str, moment: datetime) -> bool:
        """Whether a file is there and was last written before a time; asked right before it is put away."""
        self._fs.invalidate_cache()  # an object store's listing may be a minute old
        try:
            return _modified(self._fs.info(self._full(path))) < moment
        except FileNotFoundError:
            return False

    def below(self, folder: str) -> Iterator[FileFacts]:
        """All files below a folder, in order of their paths."""
        found = self._fs.find(self._full(folder), detail=True)
        for full, facts in sorted(found.items()):
            path = full.removeprefix(self._root).lstrip("/")
            yield FileFacts(path, _modified(facts))

    def address(self, path: str) -> str:
        """Where a file is, for people and for other programs."""
        return str(self._fs.unstrip_protocol(self._full(path))) if not self._local else self._full(path)

    def _full(self, path: str) -> str:
        for name in path.split("/"):
            if not _SAFE_NAME.fullmatch(name):
                raise StorageError(f"{name!r} cannot be a part of a path below PRICECAST_HOME.")
        return f"{self._root}/{path}"

    def _replace(self, target: Path, content: bytes) -> None:
        # Beside the target, so that the rename stays on one disk; another name for every writer.
        temporary = target.with_name(f"{uuid4().hex}{TEMPORARY}")
        try:
            try:
                temporary.write_bytes(content)
            except FileNotFoundError:
                target.parent.mkdir(parents=True, exist_ok=True)
                temporary.write_bytes(content)
            os.replace(temporary, target)  # noqa: PTH105 - the same, 10 us cheaper, on every frame
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def _modified(facts: dict[str, object]) -> datetime:
    # The name differs: local disks and memory, S3, Azure and Google.
    for name in ("mtime", "LastModified", "last_modified", "updated", "created"):
        value = facts.get(name)
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=UTC)
        if isinstance(value, str):
            return datetime.fromisoformat(value)
    raise StorageError(f"The file system does not say when {facts.get('name')} was written.")


def look_at(home: str) -> None:
    """Look whether the home is there and can be listed.

    Raises:
        StorageError: it is not, or cannot.
    """
    import fsspec

    files, root = fsspec.core.url_to_fs(home)
    try:
        files.ls(root, detail=False)
    except OSError as error:
        raise StorageError(f"{home} cannot be listed: {error}.", remedy="Check PRICECAST_HOME.") from error
