"""`backtest`: the file, the comparison, and that nothing after an origin is seen."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pricecast_dagster.forecasting.recipe import POOLED
from pricecast_dagster.schemas import BACKTEST_COLUMNS
from pricecast_dagster_tests.cli.conftest import Pricecast
from pricecast_dagster_tests.shop import LAST_DAY, Shop

QUICK = ("--no-optimize", "--origins", "2", "--step", "7", "--horizon", "5")


def test_the_file_has_a_row_for_every_product_origin_and_day(shop: Shop, pricecast: Pricecast) -> None:
    result = pricecast("backtest", "--out", "rows.csv", *QUICK)
    rows = pd.read_csv("rows.csv", parse_dates=["origin", "date"])
    assert list(rows) == list(BACKTEST_COLUMNS)
    assert len(rows) == 3 * 2 * 5
    assert sorted(rows["origin"].unique()) == [pd.Timestamp("2026-05-18"), pd.Timestamp("2026-05-25")]
    assert rows["date"].max() == pd.Timestamp(LAST_DAY)
    assert (rows["date"] - rows["origin"] == pd.to_timedelta(rows["horizon"], unit="D")).all()
    for name in ("last value", "7-day mean"):
        assert name in result.stdout


def test_parquet_has_the_same_rows_and_a_second_run_writes_the_same_bytes(shop: Shop, pricecast: Pricecast) -> None:
    pricecast("backtest", "--out", "rows.csv", *QUICK)
    pricecast("backtest", "--out", "again.csv", *QUICK)
    pricecast("backtest", "--out", "rows.parquet", *QUICK)
    assert Path("rows.csv").read_bytes() == Path("again.csv").read_bytes()
    from_csv = pd.read_csv("rows.csv", parse_dates=["origin", "date"], dtype={"sku": "str", "model_used": "str"})
    pd.testing.assert_frame_equal(pd.read_parquet("rows.parquet"), from_csv, check_dtype=False)


@pytest.mark.parametrize(
    "how",
    [
        ("--no-optimize",),
        ("--trials", "2", "--sku", "SKU0002"),
        ("--no-optimize", "--refit-every", "7"),
        ("--trials", "2", "--refit-every", "30"),
        (POOLED, "--no-optimize", "--sku", "SKU0002"),
    ],
    ids=["untuned", "tuned", "fitted again", "standing", "pooled"],
)
def test_whatever_happens_after_an_origin_changes_nothing_of_its_forecast(
    shop: Shop, pricecast: Pricecast, how: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    if how[0] == POOLED:
        monkeypatch.setenv("PRICECAST_MEMBERS", json.dumps([POOLED]))
    how = (*(part for part in how if part != POOLED), *QUICK[1:])
    pricecast("backtest", "--out", "before.csv", *how)
    later = shop.rows["date"] > "2026-05-18"
    shop.rows.loc[later, "price"] *= np.where(np.arange(later.sum()) % 3, 5.0, 0.4)
    shop.rows.loc[later, "quantity"] = 1000.0
    shop.save()
    pricecast("backtest", "--out", "after.csv", *how)
    everything, planted = (pd.read_csv(name) for name in ("before.csv", "after.csv"))
    assert not everything["price"].equals(planted["price"])
    old, new = (pd.read_csv(name).query("origin == '2026-05-18'") for name in ("before.csv", "after.csv"))
    pd.testing.assert_frame_equal(old, new)


def test_one_product_of_another_folder_is_the_same_as_in_a_backtest_of_all(shop: Shop, pricecast: Pricecast) -> None:
    pricecast("backtest", "--out", "all.csv", *QUICK)
    sku = sorted(shop.rows["sku"].unique())[1]
    source = shop.file.parent.rename(shop.folder / "elsewhere")
    pricecast("backtest", "--out", "one.csv", *QUICK, "--sku", sku, "--source", str(source))
    one, everyone = pd.read_csv("one.csv"), pd.read_csv("all.csv")
    pd.testing.assert_frame_equal(one, everyone[everyone["sku"] == sku].reset_index(drop=True))


def test_a_product_that_is_too_short_is_forecast_by_a_named_simple_method(shop: Shop, pricecast: Pricecast) -> None:
    short = sorted(shop.rows["sku"].unique())[0]
    shop.rows = shop.rows[(shop.rows["sku"] != short) | (shop.rows["date"] > "2026-04-25")]
    shop.save()
    pricecast("backtest", "--out", "rows.csv", *QUICK)
    rows = pd.read_csv("rows.csv")
    simple = set(rows[~rows["model_used"].str.startswith("LightGBM")]["sku"])
    assert simple == {short}


def test_wrong_usage_and_unknown_products_are_told(shop: Shop, pricecast: Pricecast) -> None:
    assert ".csv or .parquet" in pricecast("backtest", "--out", "rows.txt", ends_with=2).stderr
    assert "--out FILE, --output FOLDER" in pricecast("backtest", ends_with=2).stderr
    assert "'nope'" in pricecast("backtest", "--out", "rows.csv", "--sku", "nope", ends_with=1).stderr
    assert "fewer origins" in pricecast("backtest", "--out", "rows.csv", "--origins", "12", ends_with=1).stderr
    assert not Path("rows.csv").exists()


def test_the_folder_has_tables_and_charts_and_the_same_backtest_writes_the_same_bytes(shop: Shop, pricecast: Pricecast) -> None:
    for folder in ("one", "deep/other"):
        pricecast("backtest", "--output", folder, *QUICK)
    names = sorted(path.name for path in Path("one").iterdir())
    assert {"report.html", "report.json", "by_method.csv", "by_horizon.csv", "by_product.csv", "forecasts.csv"} <= set(names)
    assert {name for name in names if name.endswith(".png")} == {
        "error_by_horizon.png",
        "coverage_by_horizon.png",
        "ratio_by_product.png",
    }
    for name in names:
        assert Path("one", name).read_bytes() == Path("deep/other", name).read_bytes(), name
        if name.endswith(".png"):
            assert Path("one", name).read_bytes().startswith(b"\x89PNG")
    page = Path("one/report.html").read_text()
    assert "https://cdn" not in page.split("</script>")[-1]
    assert {"by_method", "by_horizon", "by_product", "plan"} <= set(json.loads(Path("one/report.json").read_text()))
    assert len(pd.read_csv("one/by_product.csv")) == 3
    assert len(pd.read_csv("one/by_horizon.csv")) == 6 * 5


def test_with_out_the_folder_has_no_forecasts_of_its_own(shop: Shop, pricecast: Pricecast) -> None:
    pricecast("backtest", "--output", "folder", "--out", "rows.parquet", *QUICK)
    assert Path("rows.parquet").exists()
    assert not Path("folder/forecasts.csv").exists()
