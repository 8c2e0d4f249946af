"""`predict`: the three forms of one product's forecast."""

import csv
import json
import os
import subprocess
import sys

import pytest

from pricecast_dagster.cli.predict import decimals
from pricecast_dagster_tests.cli.conftest import Pricecast
from pricecast_dagster_tests.shop import LAST_DAY, Shop

BANDS = ("lower_95", "lower_80", "prices", "upper_80", "upper_95")


def first(shop: Shop) -> str:
    return sorted(shop.rows["sku"].unique())[0]


def test_json_has_the_names_of_the_http_answer_and_bands_around_the_price(shop: Shop, pricecast: Pricecast) -> None:
    pricecast("refresh")
    answer = json.loads(pricecast("predict", first(shop), "--format", "json").stdout)
    assert set(answer) == {"sku", "origin", "dates", "model_used", "metrics", "coverage", "stale", *BANDS}
    assert answer["origin"] == LAST_DAY
    assert (answer["dates"][0], len(answer["dates"])) == ("2026-05-31", 14)
    assert answer["model_used"].startswith("LightGBM_v")
    assert set(answer["metrics"]) == {"rmse", "mae"}
    assert set(answer["coverage"]) == {"80", "95"}
    assert answer["stale"] is False
    for day in zip(*(answer[name] for name in BANDS), strict=True):
        assert list(day) == sorted(day)


def test_more_days_than_are_stored_are_computed_and_begin_with_the_stored_ones(shop: Shop, pricecast: Pricecast) -> None:
    pricecast("refresh")
    stored = json.loads(pricecast("predict", first(shop), "--format", "json").stdout)
    longer = json.loads(pricecast("predict", first(shop), "--days", "30", "--format", "json").stdout)
    assert len(longer["prices"]) == 30
    assert longer["prices"][:14] == stored["prices"]
    assert longer["model_used"] == stored["model_used"]


def test_csv_is_one_row_a_day(shop: Shop, pricecast: Pricecast) -> None:
    pricecast("refresh")
    rows = list(csv.DictReader(pricecast("predict", first(shop), "--days", "3", "--format", "csv").stdout.splitlines()))
    assert [(row["sku"], row["date"], row["horizon"]) for row in rows] == [
        (first(shop), f"2026-{day}", str(step)) for step, day in enumerate(("05-31", "06-01", "06-02"), start=1)
    ]


def test_the_table_has_a_chart_who_answered_and_a_line_a_day(shop: Shop, pricecast: Pricecast) -> None:
    pricecast("refresh")
    told = pricecast("predict", first(shop), "--days", "2").stdout
    assert "●: forecast" in told
    assert "by LightGBM_v" in told
    assert "Sun 2026-05-31" in told
    assert "Mon 2026-06-01" in told


def test_a_forecast_whose_data_has_changed_is_stale(shop: Shop, pricecast: Pricecast) -> None:
    pricecast("refresh")
    shop.append_day([first(shop)])
    pricecast("ingest")
    assert json.loads(pricecast("predict", first(shop), "--format", "json").stdout)["stale"] is True
    assert "`pricecast refresh`" in pricecast("predict", first(shop)).stdout
    pricecast("refresh")
    assert json.loads(pricecast("predict", first(shop), "--format", "json").stdout)["stale"] is False


def test_before_any_training_a_simple_method_answers_by_name(shop: Shop, pricecast: Pricecast) -> None:
    pricecast("ingest")
    answer = json.loads(pricecast("predict", first(shop), "--format", "json").stdout)
    assert not answer["model_used"].startswith("LightGBM")
    assert (answer["metrics"], answer["coverage"], answer["stale"]) == ({}, {}, True)


def test_of_a_product_that_is_gone_it_is_told_since_when(shop: Shop, pricecast: Pricecast) -> None:
    pricecast("ingest")
    sku = first(shop)
    shop.drop(sku)
    pricecast("ingest")
    assert f"'{sku}' is gone from the source since" in pricecast("predict", sku, ends_with=1).stderr
    assert f"'{sku}' is gone from the source since" in pricecast("refresh", "--sku", sku, ends_with=1).stdout


def test_an_unknown_product_ends_with_1_and_a_horizon_out_of_range_with_2(shop: Shop, pricecast: Pricecast) -> None:
    assert "There is no product 'nope'" in pricecast("predict", "nope", ends_with=1).stderr
    assert "1<=x<=60" in pricecast("predict", "nope", "--days", "61", ends_with=2).stderr


@pytest.mark.parametrize(
    ("prices", "expected"),
    [([5.21, 12.0], 2), ([0.5], 2), ([0.05, 7.0], 3), ([0.002, 0.0021], 4), ([0.0, 0.0], 2), ([], 2), ([1e-30], 8)],
)
def test_small_prices_are_shown_with_the_decimals_they_need(prices: list[float], expected: int) -> None:
    assert decimals(prices) == expected


def test_prices_under_a_cent_are_not_shown_as_nothing(shop: Shop, pricecast: Pricecast) -> None:
    shop.rows["price"] = 0.002
    shop.save()
    pricecast("ingest")
    told = pricecast("predict", first(shop), "--days", "1").stdout
    assert " 0.0020 " in told


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_an_output_that_knows_few_characters_gets_a_poorer_chart_and_the_same_numbers(
    encoding: str, shop: Shop, pricecast: Pricecast
) -> None:
    shop.rows["sku"] = shop.rows["sku"].replace(first(shop), "🍎")
    shop.save()
    pricecast("ingest")
    environment = {**os.environ, "PYTHONIOENCODING": encoding}

    def printed(*options: str) -> str:
        command = [sys.executable, "-m", "pricecast_dagster", "predict", "🍎", *options]
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode(encoding)

    assert "Sun 2026-05-31" in printed()
    assert json.loads(printed("--format", "json"))["sku"] == "🍎"
