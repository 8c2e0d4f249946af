from pathlib import Path

import pytest
from click.testing import CliRunner

from pricecast_dagster.cli.main import main
from pricecast_dagster.storage import registry
from pricecast_dagster_tests.shop import Shop, open_shop


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    shop = open_shop(tmp_path, products=2)
    monkeypatch.setenv("PRICECAST_SOURCE", shop.settings.source)
    monkeypatch.setenv("PRICECAST_HOME", shop.settings.home)
    return shop


def test_why_names_every_version_on_the_way_from_the_forecast_to_a_rejected_row(shop: Shop) -> None:
    shop.rows.loc[5, "price"] = -2.0
    shop.save()
    shop.refresh()
    shop.append_day(["SKU0001"])
    shop.refresh()
    result = CliRunner().invoke(main, ["why", "SKU0001"])
    assert result.exit_code == 0, result.output
    with shop.context().database.read() as connection:
        versions = registry.versions(connection, "SKU0001")
    assert [model.champion for model in versions] == [True, False]
    for model in versions:
        assert f"{model.version}  {'champion' if model.champion else 'stored'}; trained because: {model.reason}" in result.output
    assert result.output.count("because: data changed") == 5
    assert "not taken: history.csv, line 7: price negative" in result.output


def test_why_of_an_unknown_product_says_so(shop: Shop) -> None:
    shop.refresh()
    result = CliRunner().invoke(main, ["why", "nobody"])
    assert result.exit_code == 1
    assert "'nobody'" in result.output
