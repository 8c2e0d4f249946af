"""`ingest`, `train`, `forecast`, `refresh`: what is done, what is said, and the exit code."""

import csv
import json
from pathlib import Path

from pricecast_dagster_tests.cli.conftest import Pricecast
from pricecast_dagster_tests.shop import Shop

STAGES = ["raw_history", "feature_table", "price_model", "forecast"]


def report(file: str) -> list[dict[str, str]]:
    with Path(file).open(newline="") as opened:
        return list(csv.DictReader(opened))


def skus(shop: Shop) -> list[str]:
    return sorted(shop.rows["sku"].unique())


def list_products(shop: Shop) -> None:
    names = shop.rows[["sku"]].drop_duplicates().assign(name="", category="")
    names.to_csv(shop.file.with_name("products.csv"), index=False)


def test_refresh_takes_every_product_from_nothing_to_a_forecast_and_a_second_one_does_nothing(
    shop: Shop, pricecast: Pricecast
) -> None:
    first = pricecast("refresh", "--report", "report.csv")
    assert [(row["sku"], row["stage"]) for row in report("report.csv")] == [
        (sku, stage) for stage in STAGES for sku in skus(shop)
    ]
    assert {row["outcome"] for row in report("report.csv")} == {"fresh"}
    assert "3 new" in first.stdout
    assert "360 lines, 360 taken" in first.stdout

    second = pricecast("refresh", "--report", "report.json")
    assert second.stdout == "Everything is up to date: nothing was computed.\n"
    assert json.loads(Path("report.json").read_text()) == []


def test_refresh_brings_up_to_date_exactly_what_changed(shop: Shop, pricecast: Pricecast) -> None:
    pricecast("refresh")
    changed = skus(shop)[1]
    shop.append_day([changed])
    pricecast("refresh", "--report", "report.csv")
    computed = [row for row in report("report.csv") if row["outcome"] != "unchanged"]
    assert [(row["sku"], row["stage"]) for row in computed] == [(changed, stage) for stage in STAGES]
    assert computed[0]["reason"] == "data changed"


def test_a_product_that_fails_is_named_with_its_error_the_others_are_done_and_the_end_is_1(
    shop: Shop, pricecast: Pricecast
) -> None:
    list_products(shop)
    bad = skus(shop)[0]
    shop.rows.loc[shop.rows["sku"] == bad, "price"] = -1.0
    shop.save()
    result = pricecast("refresh", "--report", "report.csv", ends_with=1)
    line = next(line for line in result.stdout.splitlines() if line.startswith(bad))
    assert line.split()[1] == "failed"
    assert "price negative" in line
    told = report("report.csv")
    assert [(row["sku"], row["stage"]) for row in told if row["outcome"] == "failed"] == [(bad, "raw_history")]
    assert {row["sku"] for row in told if row["stage"] == "forecast"} == set(skus(shop)[1:])
    assert pricecast("refresh").stdout.endswith("nothing was computed.\n")


def test_train_trains_the_named_product_though_it_is_up_to_date_and_forecast_follows(shop: Shop, pricecast: Pricecast) -> None:
    pricecast("refresh")
    sku = skus(shop)[2]
    pricecast("train", "--sku", sku, "--no-optimize", "--report", "report.csv")
    computed = [row for row in report("report.csv") if row["outcome"] == "fresh"]
    assert [(row["sku"], row["stage"], row["reason"]) for row in computed] == [(sku, "price_model", "asked for")]
    assert float(computed[0]["rmse"]) >= 0
    assert 0 < int(computed[0]["features_count"]) <= 45
    pricecast("forecast", "--report", "report.csv")
    computed = [row for row in report("report.csv") if row["outcome"] == "fresh"]
    assert [(row["sku"], row["stage"], row["reason"]) for row in computed] == [(sku, "forecast", "model changed")]


def test_train_on_empty_stores_ingests_first_and_with_trials_it_tunes(shop: Shop, pricecast: Pricecast) -> None:
    sku = skus(shop)[0]
    pricecast("train", "--sku", sku, "--trials", "1", "--report", "report.csv")
    told = report("report.csv")
    assert [row["sku"] for row in told if row["stage"] == "raw_history"] == skus(shop)
    assert [row["sku"] for row in told if row["stage"] == "price_model"] == [sku]


def test_forecast_on_empty_stores_gives_every_product_a_named_fallback(shop: Shop, pricecast: Pricecast) -> None:
    result = pricecast("forecast")
    assert "3 forecast by a simple method." in result.stdout


def test_ingest_reads_although_nothing_moved_and_counts_every_line(shop: Shop, pricecast: Pricecast) -> None:
    pricecast("ingest")
    shop.rows.loc[0, "price"] = 0.0
    shop.save()
    result = pricecast("ingest", "--report", "report.csv")
    assert "1 changed, 2 unchanged" in result.stdout
    assert "360 lines, 359 taken, 1 rejected: price zero." in result.stdout
    assert {row["stage"] for row in report("report.csv")} == {"raw_history"}
    assert "0 changed, 3 unchanged" in pricecast("ingest").stdout


def test_an_unknown_product_fails_by_name_and_the_known_one_is_done(shop: Shop, pricecast: Pricecast) -> None:
    result = pricecast("refresh", "--sku", skus(shop)[0], "--sku", "nope", "--report", "report.csv", ends_with=1)
    assert "There is no product 'nope'" in result.stdout
    assert [row["sku"] for row in report("report.csv") if row["stage"] == "forecast"] == [skus(shop)[0]]


def test_wrong_usage_is_told_before_any_work(shop: Shop, pricecast: Pricecast) -> None:
    for arguments in (
        ("refresh", "--no-optimize", "--trials", "5"),
        ("refresh", "--report", "report.txt"),
        ("refresh", "--report", "nowhere/report.csv"),
        ("refresh", "--jobs", "0"),
        ("forecast", "--days", "61"),
    ):
        assert "Usage:" in pricecast(*arguments, ends_with=2).stderr
    assert not Path(shop.settings.home).exists()


def test_a_source_that_is_not_there_is_told_with_what_to_do(shop: Shop, pricecast: Pricecast) -> None:
    shop.file.unlink()
    result = pricecast("refresh", ends_with=1)
    assert "Error: The source" in result.stderr
    assert "Next: Check PRICECAST_SOURCE." in result.stderr
