"""Artefacts: whole, checked, and the same bytes for the same model."""

import json
from pathlib import Path

import numpy as np
import pytest

from pricecast_dagster.errors import DamagedArtifactError, SupersededError, UnknownVersionError
from pricecast_dagster.storage.artifacts import Artifacts

TEXTS = {"A_recursive": "tree\nversion=v4\n", "B": "tree ü\n"}
ARRAYS = {
    "weights": np.array([0.1 + 0.2, 0.7]),
    "scores": np.arange(12, dtype=np.float64).reshape(3, 4),
    "names": np.array(["price_lag_1", "ß"]),
    "flags": np.array([True, False]),
    "one": np.float64(0.3),
}
METADATA = {
    "recipe": {"learning_rate": 0.05},
    "metrics": {"rmse": np.float64(1.5), "mape": float("nan")},
    "features": ["price_lag_1"],
}


@pytest.fixture(params=["disk", "memory"])
def artifacts(request: pytest.FixtureRequest, tmp_path: Path) -> Artifacts:
    return Artifacts(str(tmp_path) if request.param == "disk" else f"memory://{tmp_path.name}")


def test_a_model_comes_back_to_the_last_bit(artifacts: Artifacts) -> None:
    saved = artifacts.save("a/b", "20251016T193000Z", TEXTS, ARRAYS, METADATA)
    loaded = artifacts.load("a/b", "20251016T193000Z", saved.sha256)
    assert loaded.texts == TEXTS
    assert loaded.metadata == {
        "recipe": {"learning_rate": 0.05},
        "metrics": {"rmse": 1.5, "mape": None},
        "features": ["price_lag_1"],
    }
    assert loaded.arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(loaded.arrays[name], array, strict=True)


def test_the_same_model_is_the_same_bytes_in_whatever_order_it_is_given(tmp_path: Path) -> None:
    for home, order in (("one", 1), ("other", -1)):
        texts, arrays = dict(list(TEXTS.items())[::order]), dict(list(ARRAYS.items())[::order])
        Artifacts(str(tmp_path / home)).save("A-17", "v1", texts, arrays, METADATA)
    one, other = (sorted((tmp_path / home).rglob("*.*")) for home in ("one", "other"))
    assert [file.name for file in one] == ["A_recursive.txt", "B.txt", "arrays.npz", "metadata.json"]
    assert [file.read_bytes() for file in one] == [file.read_bytes() for file in other]


def test_saving_the_same_again_is_fine_and_another_model_under_the_same_version_is_not(artifacts: Artifacts) -> None:
    saved = artifacts.save("A-17", "v1", TEXTS, ARRAYS, METADATA)
    assert artifacts.save("A-17", "v1", TEXTS, ARRAYS, METADATA) == saved
    with pytest.raises(SupersededError, match="'A-17' has a model version v1 already"):
        artifacts.save("A-17", "v1", TEXTS | {"B": "other"}, ARRAYS, METADATA)
    assert artifacts.load("A-17", "v1", saved.sha256).texts == TEXTS


@pytest.mark.parametrize("name", ["B.txt", "arrays.npz", "metadata.json"])
def test_a_flipped_bit_is_noticed(tmp_path: Path, name: str) -> None:
    artifacts = Artifacts(str(tmp_path))
    saved = artifacts.save("A-17", "v1", TEXTS, ARRAYS, METADATA)
    file = tmp_path / saved.path / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(DamagedArtifactError, match=f"{name} is not as it was saved.*pricecast train"):
        artifacts.load("A-17", "v1", saved.sha256)


def test_a_missing_file_is_noticed(tmp_path: Path) -> None:
    artifacts = Artifacts(str(tmp_path))
    saved = artifacts.save("A-17", "v1", TEXTS, ARRAYS, METADATA)
    (tmp_path / saved.path / "B.txt").unlink()
    with pytest.raises(DamagedArtifactError, match=r"B\.txt is missing"):
        artifacts.load("A-17", "v1")


def test_a_save_that_was_killed_before_its_end_is_no_version_and_can_be_made_again(tmp_path: Path) -> None:
    artifacts = Artifacts(str(tmp_path))
    saved = artifacts.save("A-17", "v1", TEXTS, ARRAYS, METADATA)
    (tmp_path / saved.path / "metadata.json").unlink()
    with pytest.raises(UnknownVersionError, match=r"not there.*pricecast train --sku A-17"):
        artifacts.load("A-17", "v1")
    other = artifacts.save("A-17", "v1", {"B": "other"}, {}, {})
    assert artifacts.load("A-17", "v1", other.sha256).texts == {"B": "other"}


@pytest.mark.parametrize(
    "mark",
    [b"not json", b"[]", b"{}", json.dumps({"format": 1, "sku": "B", "version": "v1", "files": {"arrays.npz": ""}}).encode()],
)
def test_a_metadata_file_of_something_else_is_noticed(tmp_path: Path, mark: bytes) -> None:
    artifacts = Artifacts(str(tmp_path))
    saved = artifacts.save("A-17", "v1", TEXTS, ARRAYS, METADATA)
    (tmp_path / saved.path / "metadata.json").write_bytes(mark)
    with pytest.raises(DamagedArtifactError):
        artifacts.load("A-17", "v1")


def test_a_deleted_version_is_gone_and_the_others_are_not(artifacts: Artifacts) -> None:
    for version in ("v1", "v2"):
        artifacts.save("A-17", version, TEXTS, ARRAYS, METADATA)
    artifacts.delete("A-17", "v1")
    artifacts.delete("A-17", "v1")
    with pytest.raises(UnknownVersionError):
        artifacts.load("A-17", "v1")
    assert artifacts.load("A-17", "v2").texts == TEXTS


def test_objects_that_would_need_a_pickle_are_refused(artifacts: Artifacts) -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        artifacts.save("A-17", "v1", {}, {"thing": np.array([{"a": 1}], dtype=object)}, {})


def test_a_name_that_would_be_a_path_is_refused(artifacts: Artifacts) -> None:
    with pytest.raises(ValueError, match="cannot name a file"):
        artifacts.save("A-17", "v1", {"../x": ""}, {}, {})
