"""`maintenance`, `backup`, `restore`, `reproduce`: as from a shell."""

from pathlib import Path

import pytest

from pricecast_dagster_tests.cli.conftest import Pricecast
from pricecast_dagster_tests.shop import Shop


def test_maintenance_shows_what_would_go_and_gives_it_up_only_when_told_to(shop: Shop, pricecast: Pricecast) -> None:
    shop.refresh()
    shop.append_day(["SKU0001"])
    shop.refresh()  # by the shop's clock, months ago
    looked = pricecast("maintenance", ends_with=0)
    assert "`pricecast maintenance --apply` gives it up" in looked.output
    assert pricecast("maintenance").output == looked.output
    assert "1  reads of the source" in looked.output
    assert "1  reads of the source" in pricecast("maintenance", "--apply").output
    assert "Nothing is past its retention." in pricecast("maintenance").output
    assert "identical, bit for bit" in pricecast("reproduce", "SKU0001").output


def test_models_come_back_from_a_backup_on_an_empty_home(
    shop: Shop, pricecast: Pricecast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pricecast("refresh")
    models = pricecast("models", "list").stdout
    assert "3 model versions of 3 products" in pricecast("backup", "models.tar.gz").output
    monkeypatch.setenv("PRICECAST_HOME", str(tmp_path / "elsewhere"))
    assert "3 model versions of 3 products are back" in pricecast("restore", "models.tar.gz").output
    assert pricecast("models", "list").stdout == models
    pricecast("refresh")
    assert pricecast("models", "list").stdout == models


def test_a_file_that_is_no_backup_is_refused(shop: Shop, pricecast: Pricecast, tmp_path: Path) -> None:
    (tmp_path / "nonsense.tar").write_text("nonsense")
    assert "Error" in pricecast("restore", "nonsense.tar", ends_with=1).output
    pricecast("restore", "missing.tar", ends_with=2)


def test_reproduce_says_bit_for_bit_what_is_identical_and_fails_where_something_is_not(shop: Shop, pricecast: Pricecast) -> None:
    pricecast("refresh")
    told = pricecast("reproduce", "SKU0002").output
    assert "forecast: made again, all 70 numbers identical, bit for bit" in told
    assert "model:    trained again" in told and "arrays.npz" in told
    assert "no forecast of origin 2020-01-01" in pricecast("reproduce", "SKU0002", "--origin", "2020-01-01", ends_with=1).output
    for file in Path(shop.settings.home).glob("models/*/SKU0002/*/metadata.json"):
        file.unlink()
    assert "cannot be made again" in pricecast("reproduce", "SKU0002", ends_with=1).output
