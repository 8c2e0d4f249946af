"""`generate-data`: the synthetic retailer in a folder."""

from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from pricecast_dagster.cli.main import main

FILES = ("products.csv", "prices.csv", "sales.csv")


def generate(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["generate-data", "--days", "40", "--products", "3", "--last-day", "2026-03-04", *arguments])


def test_it_writes_the_three_files_with_a_record_a_product_and_day(tmp_path: Path) -> None:
    result = generate("--out", str(tmp_path / "shop"))
    assert result.exit_code == 0
    assert "120 price records and 120 sales records" in result.stdout
    products, prices, sales = (pd.read_csv(tmp_path / "shop" / name) for name in FILES)
    assert (len(products), len(prices), len(sales)) == (3, 120, 120)
    assert prices["date"].max() == "2026-03-04"


def test_the_same_seed_writes_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for folder, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert generate("--out", str(tmp_path / folder), "--seed", seed).exit_code == 0
    for name in FILES[1:]:
        one, same, other = ((tmp_path / folder / name).read_bytes() for folder in "abc")
        assert one == same != other


def test_it_does_not_write_over_what_is_there_unless_it_is_told_to(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text("mine\n")
    refused = generate("--out", str(tmp_path))
    assert refused.exit_code == 2
    assert "--clear" in refused.stderr
    assert (tmp_path / "prices.csv").read_text() == "mine\n"
    assert generate("--out", str(tmp_path), "--clear").exit_code == 0
    assert len(pd.read_csv(tmp_path / "prices.csv")) == 120


def test_without_a_folder_it_writes_to_the_source_of_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRICECAST_SOURCE", str(tmp_path / "set"))
    assert generate().exit_code == 0
    assert (tmp_path / "set" / "prices.csv").exists()
    monkeypatch.setenv("PRICECAST_SOURCE", "sqlite:///shop.db")
    assert "--out" in generate().stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--days", "10000000"), "1<=x<=7305"),
        (("--products", "10000000"), "1<=x<=100000"),
        (("--last-day", "0001-01-02"), "before 1900-01-01"),
    ],
)
def test_more_than_can_be_made_is_wrong_usage_with_the_limit(arguments: tuple[str, str], told: str, tmp_path: Path) -> None:
    refused = generate("--out", str(tmp_path / "shop"), *arguments)
    assert refused.exit_code == 2
    assert told in refused.stderr
    assert not (tmp_path / "shop").exists()
