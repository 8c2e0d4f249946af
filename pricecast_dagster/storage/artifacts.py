"""Artefacts: the files of a model version, with the hash of each; no pickle, so loading one runs no code.

Belongs here: writing, reading and deleting them whole. Not here: what a model is (`forecasting.model`), and which version
answers (`storage.registry`).

    models/<fan>/<key>/<version>/metadata.json    written last: without it the version is not there
    models/<fan>/<key>/<version>/arrays.npz
    models/<fan>/<key>/<version>/<name>.txt       LightGBM's text form
"""

import json
import re
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.errors import DamagedArtifactError, SupersededError, UnknownVersionError
from pricecast_dagster.storage.files import Files
from pricecast_dagster.storage.json_text import to_json
from pricecast_dagster.storage.keys import fan, file_name

METADATA: Final = "metadata.json"
ARRAYS: Final = "arrays.npz"
_FOLDER: Final = "models"
_TEXT: Final = ".txt"
_FORMAT: Final = 1
_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class SavedArtifact:
    """Where a version was saved: the path below the home, and the hash of its metadata.json."""

    path: str
    sha256: str


@dataclass(frozen=True)
class Artifact:
    """The content of a version.

    Attributes:
        texts: name -> text; arrays: name -> array; metadata: as it was saved, in JSON's types.
    """

    texts: dict[str, str]
    arrays: dict[str, NDArray[np.generic]]
    metadata: dict[str, object]


class Artifacts:
    """The model files below a home."""

    def __init__(self, home: str) -> None:
        self._files = Files(home)

    def save(
        self,
        sku: str,
        version: str,
        texts: Mapping[str, str],
        arrays: Mapping[str, NDArray[np.generic]],
        metadata: Mapping[str, object],
    ) -> SavedArtifact:
        """Save a version; the same content gives the same bytes.

        Args:
            sku: whose model.
            version: its name.
            texts: names of letters, digits, `_` and `-`.
            arrays: of numbers, truth values or strings; names likewise.
            metadata: JSON-able.

        Raises:
            SupersededError: the version is there with another content.
            StorageError: nothing can be written there.
        """
        folder = _folder(sku, version)
        contents = contents_of(texts, arrays)
        about = {
            "format": _FORMAT,
            "sku": sku,
            "version": version,
            "files": {name: sha256(content).hexdigest() for name, content in contents.items()},
            "model": dict(metadata),
        }
        mark = to_json(about, indent=1, sort_keys=True).encode()
        present = self._files.read(f"{folder}/{METADATA}")
        if present not in (None, mark):
            raise SupersededError(f"SKU {sku!r} has a model version {version} already, and it is another one.")
        for name, content in contents.items():
            self._files.write(f"{folder}/{name}", content)
        self._files.write(f"{folder}/{METADATA}", mark)
        return SavedArtifact(folder, sha256(mark).hexdigest())

    def load(self, sku: str, version: str, expected_sha256: str | None = None) -> Artifact:
        """The content of a version, every file checked against its hash.

        Args:
            sku: whose model.
            version: its name.
            expected_sha256: of metadata.json, as the registry has it; None leaves that one check out.

        Raises:
            UnknownVersionError: there is no such version.
            DamagedArtifactError: a file is missing, or its bytes are not those that were saved.
        """
        contents = self.read_files(sku, version, expected_sha256)
        about = json.loads(contents[METADATA])
        texts = {name.removesuffix(_TEXT): content.decode() for name, content in contents.items() if name.endswith(_TEXT)}
        with np.load(BytesIO(contents[ARRAYS]), allow_pickle=False) as arrays:
            return Artifact(texts, dict(arrays), about["model"])

    def read_files(self, sku: str, version: str, expected_sha256: str | None = None) -> dict[str, bytes]:
        """The files of a version, by name, checked as in `load`; for a backup.

        Raises:
            UnknownVersionError: there is no such version.
            DamagedArtifactError: a file is missing, or its bytes are not those that were saved.
        """
        folder = _folder(sku, version)
        mark = self._files.read(f"{folder}/{METADATA}")
        if mark is None:
            raise UnknownVersionError(
                f"The files of model version {version} of SKU {sku!r} are not there.",
                remedy=f"`pricecast train --sku {sku}` makes a new one, `pricecast restore` brings back a backup.",
            )
        contents = {METADATA: mark}
        if expected_sha256 is not None:
            self._verify(f"{folder}/{METADATA}", mark, expected_sha256)
        for name, expected in _listed(self._files.address(f"{folder}/{METADATA}"), mark, sku, version).items():
            content = self._files.read(f"{folder}/{name}")
            contents[name] = self._verify(f"{folder}/{name}", content, expected)
        return contents

    def check_files(self, sku: str, version: str, contents: Mapping[str, bytes], expected_sha256: str | None = None) -> None:
        """Check the files of a version that come from elsewhere.

        Raises:
            DamagedArtifactError: one is missing or changed, or they belong to another version.
        """
        folder = _folder(sku, version)
        mark = contents.get(METADATA)
        if expected_sha256 is not None or mark is None:
            mark = self._verify(f"{folder}/{METADATA}", mark, expected_sha256 or "")
        for name, expected in _listed(METADATA, mark, sku, version).items():
            self._verify(f"{folder}/{name}", contents.get(name), expected)

    def write_files(self, sku: str, version: str, contents: Mapping[str, bytes]) -> SavedArtifact:
        """Put files of a backup where `save` had them, in place of what is there.

        Raises:
            DamagedArtifactError: see `check_files`; nothing was written.
        """
        self.check_files(sku, version, contents)
        folder = _folder(sku, version)
        for name, content in contents.items():
            if name != METADATA:
                self._files.write(f"{folder}/{name}", content)
        self._files.write(f"{folder}/{METADATA}", contents[METADATA])
        return SavedArtifact(folder, sha256(contents[METADATA]).hexdigest())

    def delete(self, sku: str, version: str) -> None:
        """Delete the files of a version, if they are there; what makes it a version goes first."""
        folder = _folder(sku, version)
        self._files.delete(f"{folder}/{METADATA}")
        self._files.delete_folder(folder)

    def stray(self, known: Collection[str], before: datetime) -> list[str]:
        """Folders of versions that no registry row refers to, last written before a time: what killed runs left behind.

        Args:
            known: the paths of all versions that are not given up.
            before: younger files may belong to a run that has not committed yet.
        """
        newest: dict[str, datetime] = {}
        for facts in self._files.below(_FOLDER):
            folder = facts.path.rpartition("/")[0]
            newest[folder] = max(facts.modified, newest.get(folder, facts.modified))
        return [folder for folder, modified in newest.items() if folder not in known and modified < before]

    def prune_stray(self, known: Collection[str], before: datetime) -> int:
        """Delete what `stray` finds, what makes a version of it first; returns how many folders."""
        folders = self.stray(known, before)
        for folder in folders:
            self._files.delete(f"{folder}/{METADATA}")
            self._files.delete_folder(folder)
        return len(folders)

    def _verify(self, path: str, content: bytes | None, expected: str) -> bytes:
        if content is None:
            raise DamagedArtifactError(f"{self._files.address(path)} is missing.")
        found = sha256(content).hexdigest()
        if found != expected:
            raise DamagedArtifactError(
                f"{self._files.address(path)} is not as it was saved: SHA-256 {found[:12]}..., recorded {expected[:12]}..."
            )
        return content


def contents_of(texts: Mapping[str, str], arrays: Mapping[str, NDArray[np.generic]]) -> dict[str, bytes]:
    """File name -> bytes, as a version with this content is saved, but for its metadata.json."""
    return {f"{_checked(name)}{_TEXT}": text.encode() for name, text in sorted(texts.items())} | {ARRAYS: _npz(arrays)}


def _listed(where: str, mark: bytes, sku: str, version: str) -> dict[str, str]:
    """File name -> hash, as metadata.json has them."""
    try:
        about = json.loads(mark)
        files = {str(name): str(digest) for name, digest in about["files"].items()}
        owner = (about["format"], about["sku"], about["version"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DamagedArtifactError(f"{where} is not as it was saved: {error!r}.") from error
    if owner != (_FORMAT, sku, version) or ARRAYS not in files:
        raise DamagedArtifactError(f"{where} should be of SKU {sku!r}, version {version}, and is of {owner}.")
    return files


def _folder(sku: str, version: str) -> str:
    return f"{_FOLDER}/{fan(sku)}/{file_name(sku)}/{version}"


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot name a file of a model")
    return name


def _npz(arrays: Mapping[str, NDArray[np.generic]]) -> bytes:
    """As numpy.savez_compressed, with a fixed time and in a fixed order: the same arrays, the same bytes."""
    sink = BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in sorted(arrays.items()):
            member = BytesIO()
            np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
            about = zipfile.ZipInfo(f"{_checked(name)}.npy", _EPOCH)
            about.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(about, member.getvalue())
    return sink.getvalue()
