"""Frames on a local disk and in fsspec's memory, which stands for an object store."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pricecast_dagster.errors import DamagedArtifactError, StorageError, UnknownVersionError
from pricecast_dagster.schemas import Stage
from pricecast_dagster.storage.files import Files
from pricecast_dagster.storage.frames import Frames


def rows(sku: str, days: int = 5, first_price: float = 10.0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sku": pd.array([sku] * days, dtype="str"),
            "date": pd.date_range("2026-01-01", periods=days).astype("datetime64[s]"),
            "price": first_price + np.arange(days) / 3,
            "quantity": [np.nan, *np.arange(days - 1, dtype=float)],
        }
    )


@pytest.fixture(params=["disk", "memory"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "disk":
        yield str(tmp_path / "home")
        return
    import fsspec

    memory = fsspec.filesystem("memory")
    yield "memory://bucket/home"
    if memory.exists("/bucket"):
        memory.rm("/bucket", recursive=True)


@pytest.mark.parametrize("sku", ["A-17", "a/b ..", "商品" * 80, "x" * 300])
def test_a_frame_comes_back_to_the_last_bit(home: str, sku: str) -> None:
    frames = Frames(home)
    frames.write(Stage.RAW_HISTORY, sku, "h1", rows(sku))
    pd.testing.assert_frame_equal(frames.read(Stage.RAW_HISTORY, sku, "h1"), rows(sku), check_exact=True)


def test_truth_values_and_many_columns_come_back(home: str) -> None:
    wide = rows("A-17").assign(
        observed=[True, False, True, True, True], **{f"feature_{i}": np.arange(5.0) * i for i in range(45)}
    )
    frames = Frames(home)
    frames.write(Stage.FEATURE_TABLE, "A-17", "f1", wide)
    pd.testing.assert_frame_equal(frames.read(Stage.FEATURE_TABLE, "A-17", "f1"), wide, check_exact=True)


def test_a_frame_that_is_not_there_is_told_with_the_way_to_it(home: str) -> None:
    with pytest.raises(UnknownVersionError, match=r"no feature_table of SKU 'A-17' in version f9.*pricecast refresh"):
        Frames(home).read(Stage.FEATURE_TABLE, "A-17", "f9")


def test_a_superseded_history_is_kept_aside_and_still_read(home: str) -> None:
    frames = Frames(home)
    for version, price in (("h1", 10.0), ("h2", 20.0)):
        frames.write(Stage.RAW_HISTORY, "A-17", version, rows("A-17", first_price=price))
    frames.retire(Stage.RAW_HISTORY, "A-17", "h1")
    frames.retire(Stage.RAW_HISTORY, "A-17", "h1")  # twice is no error
    in_force = [facts.path for facts in Files(home).below("frames/raw_history")]
    assert [path.rpartition("/")[2] for path in in_force] == ["h2.parquet"]
    assert frames.read(Stage.RAW_HISTORY, "A-17", "h1")["price"].iloc[0] == 10.0
    assert frames.prune_superseded([], datetime.now(UTC) - timedelta(hours=1)) == 0
    assert frames.prune_superseded([("A-17", "h1")], datetime.now(UTC) + timedelta(hours=1)) == 0
    assert frames.prune_superseded([], datetime.now(UTC) + timedelta(hours=1)) == 1
    with pytest.raises(UnknownVersionError):
        frames.read(Stage.RAW_HISTORY, "A-17", "h1")


def test_a_superseded_feature_table_is_gone(home: str) -> None:
    frames = Frames(home)
    frames.write(Stage.FEATURE_TABLE, "A-17", "f1", rows("A-17"))
    frames.retire(Stage.FEATURE_TABLE, "A-17", "f1")
    with pytest.raises(UnknownVersionError):
        frames.read(Stage.FEATURE_TABLE, "A-17", "f1")


def test_what_killed_runs_left_behind_is_put_away_and_what_is_young_is_not(home: str) -> None:
    frames = Frames(home)
    for version in ("h1", "h2"):
        frames.write(Stage.RAW_HISTORY, "A-17", version, rows("A-17"))
    frames.write(Stage.RAW_HISTORY, "B-2", "h1", rows("B-2"))
    in_force = {"A-17": "h2"}
    assert frames.tidy(Stage.RAW_HISTORY, in_force, datetime.now(UTC) - timedelta(hours=1)) == 0
    assert frames.tidy(Stage.RAW_HISTORY, in_force, datetime.now(UTC) + timedelta(hours=1)) == 2
    assert [facts.path.rpartition("/")[2] for facts in Files(home).below("frames/raw_history")] == ["h2.parquet"]
    assert len(frames.read(Stage.RAW_HISTORY, "B-2", "h1")) == 5


def test_rejected_rows_are_kept_by_ingest(home: str) -> None:
    rejected = pd.DataFrame({"file": ["prices.csv"], "line": [7], "row": ["A-17;;"], "sku": ["A-17"], "reason": ["no price"]})
    frames = Frames(home)
    frames.write_rejected(12, rejected)
    pd.testing.assert_frame_equal(frames.read_rejected(12), rejected)
    with pytest.raises(UnknownVersionError, match="ingest 13"):
        frames.read_rejected(13)


def test_one_glob_reads_all_that_is_in_force(tmp_path: Path) -> None:
    frames = Frames(str(tmp_path))
    for sku in ("A-17", "B/2", "C"):
        frames.write(Stage.RAW_HISTORY, sku, "h1", rows(sku))
        frames.write(Stage.RAW_HISTORY, sku, "h2", rows(sku, days=7))
        frames.retire(Stage.RAW_HISTORY, sku, "h1")
    files = sorted(tmp_path.glob(frames.address(Stage.RAW_HISTORY).removeprefix(f"{tmp_path}/")))
    together = pd.concat([pd.read_parquet(file) for file in files])
    assert sorted(together["sku"].unique()) == ["A-17", "B/2", "C"]
    assert len(together) == 21
    assert len(pd.read_parquet(tmp_path / "frames" / "raw_history")) == 21


def test_a_file_that_is_another_skus_is_noticed(tmp_path: Path) -> None:
    frames = Frames(str(tmp_path))
    frames.write(Stage.RAW_HISTORY, "A-17", "h1", rows("A-17"))
    frames.write(Stage.RAW_HISTORY, "a-17", "h1", rows("a-17"))
    ours, other = (next(tmp_path.glob(f"frames/raw_history/*/{name}/h1.parquet")) for name in ("A-17", "a-17"))
    ours.write_bytes(other.read_bytes())  # as on a disk that takes both names for one
    with pytest.raises(DamagedArtifactError, match=r"should hold .*'A-17'.* holds .*'a-17'"):
        frames.read(Stage.RAW_HISTORY, "A-17", "h1")


@pytest.mark.parametrize("damage", [b"", b"PAR1 nonsense PAR1", None])
def test_a_damaged_file_is_noticed(tmp_path: Path, damage: bytes | None) -> None:
    frames = Frames(str(tmp_path))
    frames.write(Stage.RAW_HISTORY, "A-17", "h1", rows("A-17"))
    (file,) = tmp_path.rglob("h1.parquet")
    file.write_bytes(file.read_bytes()[:-20] if damage is None else damage)
    with pytest.raises(DamagedArtifactError, match="is no Parquet file"):
        frames.read(Stage.RAW_HISTORY, "A-17", "h1")


def test_a_writer_that_is_killed_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    code = """
import sys
from pricecast_dagster.storage.files import Files
files = Files(sys.argv[1])
print("ready", flush=True)
number = 0
while True:
    number = (number + 1) % 10
    files.write("frames/one.bin", bytes([48 + number]) * 3_000_000)
"""
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        deadline = time.monotonic() + 20
        while not (tmp_path / "frames" / "one.bin").exists() and time.monotonic() < deadline:
            os.sched_yield()
        writer.kill()
        writer.communicate()
        content = Files(str(tmp_path)).read("frames/one.bin")
        assert content is not None
        assert len(content) == 3_000_000
        assert len(set(content)) == 1


def test_a_disk_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "frames").write_text("a file where the folder should be")
    with pytest.raises(StorageError, match=r"cannot be written.*PRICECAST_HOME"):
        Frames(str(tmp_path)).write(Stage.RAW_HISTORY, "A-17", "h1", rows("A-17"))


def test_no_version_leads_out_of_the_home(home: str) -> None:
    with pytest.raises(StorageError, match="cannot be a part of a path"):
        Frames(home).read(Stage.RAW_HISTORY, "A-17", "../../../etc/passwd")
