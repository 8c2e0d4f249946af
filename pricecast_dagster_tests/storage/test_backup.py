"""Backup and restore: to another machine, to another kind of database, and not at all where a byte is wrong."""

import tarfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from pricecast_dagster.errors import DamagedArtifactError, StorageError
from pricecast_dagster.schemas import STAGES, Stage
from pricecast_dagster.storage import products, registry, requests, retention, states
from pricecast_dagster.storage.artifacts import Artifacts
from pricecast_dagster.storage.backup import backup, restore
from pricecast_dagster.storage.database import Database, open_database
from pricecast_dagster.storage.registry import ModelVersion
from pricecast_dagster.storage.state_records import Inputs, StageState
from pricecast_dagster_tests.databases import KINDS, new_database_url

NOW = datetime(2026, 3, 4, tzinfo=UTC)
LATER = NOW + timedelta(days=3)


class Place:
    """A machine: a database and a home."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.database: Database = open_database(new_database_url(kind, folder))
        self.home = folder / "home"
        self.artifacts = Artifacts(str(self.home))

    def train(self, sku: str, version: str, *, champion: bool = True, now: datetime = NOW, request_id: int | None = None) -> None:
        saved = self.artifacts.save(sku, version, {"A": f"tree of {sku} {version}\n" * 50}, {"weights": np.arange(5.0)}, {"x": 1})
        row = ModelVersion(
            sku=sku,
            version=version,
            model_type="LightGBM",
            recipe={"rate": 0.05},
            metrics={"rmse": 0.1 + 0.2},
            facts={},
            reason="new",
            decision="first",
            fingerprint="f00d",
            feature_version="f1",
            history_version="h1",
            trained_at=now,
            training_samples=335,
            validation_samples=30,
            features_count=45,
            artifact=saved.path,
            sha256=saved.sha256,
            champion=champion,
            champion_since=now if champion else None,
        )
        with self.database.write() as connection:
            products.upsert(connection, [(sku, f"Product {sku}", "Care")], now)
            inputs = (Inputs("h1", "1"), Inputs("h1", "1"), Inputs("f1", "1", request_id))
            rows = [
                StageState(
                    sku, stage, data_version, made_from, updated_at=now, ingest_id=1 if stage is Stage.RAW_HISTORY else None
                )
                for stage, data_version, made_from in zip(STAGES, ("h1", "f1", version), inputs, strict=False)
            ]
            assert states.record_success(connection, rows if champion else rows[:2]) == []
            registry.add(connection, [row])

    def versions(self, sku: str) -> list[ModelVersion]:
        with self.database.read() as connection:
            return registry.versions(connection, sku)


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str, str], Place]:
    def make(kind: str, name: str) -> Place:
        made = Place(kind, tmp_path / name)
        request.addfinalizer(made.database.close)
        return made

    return make


Maker = Callable[[str, str], Place]
PAIRS = [(KINDS[0], KINDS[1]), (KINDS[1], KINDS[0])]


@pytest.mark.parametrize(("kind", "other_kind"), PAIRS)
@pytest.mark.parametrize("name", ["models.tar", "models.tar.gz"])
def test_everything_comes_back_on_another_machine_and_database(
    place: Maker, kind: str, other_kind: str, name: str, tmp_path: Path
) -> None:
    here, there = place(kind, "here"), place(other_kind, "there")
    here.train("A-17", "20260301T000000Z")
    here.train("A-17", "20260302T000000Z", now=LATER)
    here.train("a/b", "20260301T000000Z")
    with here.database.write() as connection:
        products.hold(connection, "a/b", "by hand")
    written = backup(here.database, here.artifacts, tmp_path / name)
    assert (written.products, written.versions) == (2, 3)
    assert written.size == (tmp_path / name).stat().st_size
    assert restore(there.database, there.artifacts, tmp_path / name) == written
    for sku in ("A-17", "a/b"):
        assert there.versions(sku) == here.versions(sku)
        for version in there.versions(sku):
            assert (
                there.artifacts.load(sku, version.version, version.sha256).texts
                == here.artifacts.load(sku, version.version).texts
            )
    with there.database.read() as connection:
        assert products.held(connection, ["A-17", "a/b"]) == {"a/b": "by hand"}


def test_after_a_restore_and_the_same_data_nothing_is_trained_again(place: Maker, tmp_path: Path) -> None:
    here, there = place("sqlite", "here"), place("sqlite", "there")
    here.train("A-17", "20260301T000000Z", request_id=7)
    backup(here.database, here.artifacts, tmp_path / "models.tar")
    restore(there.database, there.artifacts, tmp_path / "models.tar")
    with there.database.write() as connection:
        history = StageState("A-17", Stage.RAW_HISTORY, "h1", Inputs("h1", "1"), updated_at=NOW, ingest_id=1)
        features = StageState("A-17", Stage.FEATURE_TABLE, "f1", Inputs("h1", "1"), updated_at=NOW)
        states.record_success(connection, [history, features])
        due = states.out_of_date(connection, dict.fromkeys(STAGES, "1"), None)
        assert [(item.stage, item.reason) for item in due] == [(Stage.FORECAST, "new")]


def test_a_restore_brings_the_old_champion_back_and_keeps_the_newer_version(place: Maker, tmp_path: Path) -> None:
    here = place("sqlite", "here")
    here.train("A-17", "20260301T000000Z")
    backup(here.database, here.artifacts, tmp_path / "models.tar")
    here.train("A-17", "20260309T000000Z", now=LATER)
    here.train("B-2", "20260309T000000Z", now=LATER)
    with here.database.write() as connection:
        requests.create(connection, "A-17", "drift", LATER)
    restore(here.database, here.artifacts, tmp_path / "models.tar", now=LATER)
    assert [(row.version, row.champion) for row in here.versions("A-17")] == [
        ("20260309T000000Z", False),
        ("20260301T000000Z", True),
    ]
    assert here.versions("B-2")[0].champion
    with here.database.read() as connection:
        assert (
            states.read_states(connection, ["A-17"], [Stage.PRICE_MODEL])["A-17", Stage.PRICE_MODEL].data_version
            == "20260301T000000Z"
        )
        due = states.out_of_date(connection, dict.fromkeys(STAGES, "1"), None)
        assert [(item.sku, item.stage) for item in due] == [("A-17", Stage.FORECAST), ("B-2", Stage.FORECAST)]


def test_a_deleted_model_is_whole_again_after_a_restore(place: Maker, tmp_path: Path) -> None:
    here = place("sqlite", "here")
    here.train("A-17", "20260301T000000Z")
    before = here.versions("A-17")
    backup(here.database, here.artifacts, tmp_path / "models.tar")
    with here.database.write() as connection:
        retention.delete(connection, "A-17", LATER)
    here.artifacts.delete("A-17", "20260301T000000Z")
    restore(here.database, here.artifacts, tmp_path / "models.tar")
    assert here.versions("A-17") == before
    assert here.artifacts.load("A-17", "20260301T000000Z", before[0].sha256)


def test_deleted_versions_are_not_in_a_backup(place: Maker, tmp_path: Path) -> None:
    here = place("sqlite", "here")
    here.train("A-17", "20260301T000000Z", champion=False)
    with here.database.write() as connection:
        retention.delete(connection, "A-17", LATER)
    here.artifacts.delete("A-17", "20260301T000000Z")
    here.train("A-17", "20260302T000000Z")
    assert backup(here.database, here.artifacts, tmp_path / "models.tar").versions == 1


def test_a_version_that_is_pruned_while_the_backup_runs_is_left_out(place: Maker, tmp_path: Path) -> None:
    here, there = place("sqlite", "here"), place("sqlite", "there")
    here.train("A-17", "20260301T000000Z", champion=False)
    here.train("A-17", "20260302T000000Z")

    class Pruning(Artifacts):
        """Another process prunes just before the first file is read."""

        def read_files(self, sku: str, version: str, expected_sha256: str | None = None) -> dict[str, bytes]:
            with here.database.write() as connection:
                for given_up in retention.prune(connection, ["A-17"], keep=0, now=LATER):
                    self.delete(given_up.sku, given_up.version)
            return super().read_files(sku, version, expected_sha256)

    assert backup(here.database, Pruning(str(here.home)), tmp_path / "models.tar").versions == 1
    restore(there.database, there.artifacts, tmp_path / "models.tar")
    assert [row.deleted_at for row in there.versions("A-17")] == [None, LATER]


def test_a_damaged_model_is_not_backed_up_and_an_older_backup_stays(place: Maker, tmp_path: Path) -> None:
    here = place("sqlite", "here")
    here.train("A-17", "20260301T000000Z")
    backup(here.database, here.artifacts, tmp_path / "models.tar")
    good = (tmp_path / "models.tar").read_bytes()
    (text,) = here.home.rglob("A.txt")
    text.write_text("damaged")
    with pytest.raises(DamagedArtifactError, match=r"A\.txt is not as it was saved"):
        backup(here.database, here.artifacts, tmp_path / "models.tar")
    assert (tmp_path / "models.tar").read_bytes() == good
    assert sorted(file.name for file in tmp_path.iterdir()) == ["here", "models.tar"]


def _members(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar.getmembers()}  # type: ignore[union-attr]


def test_no_byte_of_a_backup_can_change_unnoticed_and_nothing_is_restored_then(place: Maker, tmp_path: Path) -> None:
    here, there = place("sqlite", "here"), place("sqlite", "there")
    here.train("A-17", "20260301T000000Z")
    backup(here.database, here.artifacts, tmp_path / "good.tar")
    for name, content in _members(tmp_path / "good.tar").items():
        bad = bytearray((tmp_path / "good.tar").read_bytes())
        at = bytes(bad).index(content) + len(content) // 2
        bad[at] ^= 1
        (tmp_path / "bad.tar").write_bytes(bad)
        with pytest.raises(DamagedArtifactError):
            restore(there.database, there.artifacts, tmp_path / "bad.tar")
        assert there.versions("A-17") == [], name
        assert not there.home.exists(), name


def test_a_backup_that_lacks_a_version_is_refused(place: Maker, tmp_path: Path) -> None:
    here = place("sqlite", "here")
    here.train("A-17", "20260301T000000Z")
    backup(here.database, here.artifacts, tmp_path / "good.tar")
    with tarfile.open(tmp_path / "good.tar") as good, tarfile.open(tmp_path / "bad.tar", "w") as bad:
        for member in good.getmembers():
            if not member.name.startswith("models/"):
                bad.addfile(member, good.extractfile(member))
    with pytest.raises(DamagedArtifactError, match="lacks the files of 1 model versions"):
        restore(here.database, here.artifacts, tmp_path / "bad.tar")


@pytest.mark.parametrize("content", [b"", b"no tar at all", None])
def test_a_file_that_is_no_backup_is_told(place: Maker, tmp_path: Path, content: bytes | None) -> None:
    here = place("sqlite", "here")
    file = tmp_path / "models.tar"
    if content is None:
        with tarfile.open(file, "w") as tar:
            tar.add(__file__, "some/file.py")
    else:
        file.write_bytes(content)
    with pytest.raises(DamagedArtifactError, match="pricecast backup"):
        restore(here.database, here.artifacts, file)


def test_a_file_that_is_not_there_is_told(place: Maker, tmp_path: Path) -> None:
    here = place("sqlite", "here")
    with pytest.raises(StorageError, match=r"models\.tar cannot be read: No such file"):
        restore(here.database, here.artifacts, tmp_path / "models.tar")


def test_a_folder_that_cannot_be_written_is_told(place: Maker, tmp_path: Path) -> None:
    here = place("sqlite", "here")
    with pytest.raises(StorageError, match="cannot be written: No such file or directory"):
        backup(here.database, here.artifacts, tmp_path / "nowhere" / "models.tar")


def test_a_rolled_back_registry_keeps_its_champion_through_a_backup(place: Maker, tmp_path: Path) -> None:
    here, there = place("sqlite", "here"), place("sqlite", "there")
    here.train("A-17", "20260301T000000Z")
    here.train("A-17", "20260302T000000Z", now=LATER)
    with here.database.write() as connection:
        back = registry.rollback(connection, "A-17", LATER)
    backup(here.database, here.artifacts, tmp_path / "models.tar")
    restore(there.database, there.artifacts, tmp_path / "models.tar")
    with there.database.read() as connection:
        assert registry.get(connection, "A-17") == replace(back, champion=True)
