"""The main job through the real daemon: what changes is brought up to date, and nothing else is touched.

The tests share one Dagster and follow each other; each leaves it idle.
"""

from collections.abc import Callable

import pandas as pd
import pytest

from pricecast_dagster.operations import batches
from pricecast_dagster.orchestration.client import LOCATION, REPOSITORY
from pricecast_dagster.storage.keys import encode_key
from pricecast_dagster_tests.e2e.conftest import ASSETS, Watched

pytestmark = pytest.mark.e2e


def keys(watched: Watched) -> list[str]:
    return sorted(encode_key(sku) for sku in watched.shop.rows["sku"].unique())


def once(*skus: str) -> dict[str, dict[str, int]]:
    return {asset: {encode_key(sku): 1 for sku in skus} for asset in ASSETS}


def after_a_run(watched: Watched) -> Callable[[], bool]:
    before = watched.runs()
    return lambda: watched.runs() > before


def test_a_new_retailer_gets_a_forecast_of_every_product_by_itself(watched: Watched) -> None:
    watched.wait("not every product has a forecast", lambda: bool(watched.counts()["forecast"]))
    for asset in ASSETS:
        status = watched.dagster.client.partition_status(asset)
        assert sorted(status.materialized) == keys(watched)
        assert not status.failed | status.missing
    assert watched.since({asset: watched.counts()["raw_history"] for asset in ASSETS}) == {}


def test_a_day_more_of_two_scattered_products_materializes_exactly_their_partitions(watched: Watched) -> None:
    names = sorted(watched.shop.rows["sku"].unique())
    before = watched.counts()
    watched.shop.append_day([names[1], names[6]])
    watched.wait("no new forecast", lambda: len(watched.since(before).get("forecast", {})) == 2)
    assert watched.since(before) == once(names[1], names[6])


def test_the_same_rows_shuffled_and_compressed_materialize_nothing(watched: Watched) -> None:
    before, ran = watched.counts(), after_a_run(watched)
    shop = watched.shop
    shuffled = shop.rows.sample(frac=1, random_state=3)
    shuffled.to_csv(shop.file.with_name(".part"), index=False, compression="gzip")
    shop.file.unlink()
    shop.file.with_name(".part").rename(shop.file.with_name("history.csv.gz"))
    watched.wait("the source is not read again", ran)
    watched.wait_for_looks()
    assert watched.since(before) == {}


def test_a_product_without_a_usable_row_turns_red_alone_and_is_not_tried_again(watched: Watched) -> None:
    shop = watched.shop
    bad = sorted(shop.rows["sku"].unique())[2]
    sound = shop.rows.copy()
    before = watched.counts()
    shop.rows.loc[shop.rows["sku"] == bad, "price"] = 0.0
    shop.file.with_name("history.csv.gz").unlink()
    shop.save()
    # Not "after a run": a look between the two finds no file, and a run that says so.
    watched.wait("it does not turn red", lambda: bool(watched.dagster.client.partition_status("raw_history").failed))
    for asset in ASSETS:
        status = watched.dagster.client.partition_status(asset)
        assert status.failed == ({encode_key(bad)} if asset == "raw_history" else set())
        assert sorted(status.materialized | status.failed) == keys(watched)
    assert watched.since(before) == {}
    runs = watched.runs()
    watched.wait_for_looks()
    assert watched.runs() == runs

    shop.rows = pd.concat([sound[sound["sku"] != bad], sound[sound["sku"] == bad].assign(price=lambda rows: rows["price"] * 2)])
    shop.save()
    watched.wait("it is not repaired", lambda: len(watched.since(before).get("forecast", {})) == 1)
    assert watched.since(before) == once(bad)
    assert not watched.dagster.client.partition_status("raw_history").failed


def test_a_partition_chosen_in_the_web_page_is_computed_though_it_is_up_to_date(watched: Watched) -> None:
    sku = sorted(watched.shop.rows["sku"].unique())[4]
    before = watched.counts()
    selection = [{"path": [asset]} for asset in ASSETS]
    parameters = {
        "selector": {
            "repositoryLocationName": LOCATION,
            "repositoryName": REPOSITORY,
            "jobName": "__ASSET_JOB",
            "assetSelection": selection,
        },
        "executionMetadata": {"tags": [{"key": "dagster/partition", "value": encode_key(sku)}]},
    }
    mutation = "mutation($p: ExecutionParams!) { launchRun(executionParams: $p) { __typename } }"
    answer = watched.dagster.client.query(mutation, {"p": parameters})
    assert answer["launchRun"]["__typename"] == "LaunchRunSuccess"
    watched.wait("it is not computed", lambda: len(watched.since(before).get("forecast", {})) == 1)
    assert watched.since(before) == once(sku)


def test_one_product_asked_for_over_graphql_is_one_run_with_its_tag(watched: Watched) -> None:
    sku = sorted(watched.shop.rows["sku"].unique())[0]
    before = watched.counts()
    run = watched.dagster.client.launch_refresh([sku], only_stale=False, optimize="never")
    watched.dagster.wait_until(lambda: watched.dagster.client.run(run.run_id).finished, "the run does not end", 120)
    assert watched.dagster.client.run(run.run_id).status == "SUCCESS"
    assert [found.run_id for found in watched.dagster.client.runs(tags={"pricecast/sku": sku})] == [run.run_id]
    assert watched.since(before) == once(sku)


def test_what_the_command_line_did_is_told_to_dagster(watched: Watched) -> None:
    sku = sorted(watched.shop.rows["sku"].unique())[5]
    before = watched.counts()
    report = batches.train(watched.shop.context(), (sku,), lambda chunk: None, optimize="never", trials=None)
    assert not report.failed
    watched.wait("it is not told", lambda: bool(watched.since(before).get("forecast")))
    assert watched.since(before) == {asset: {encode_key(sku): 1} for asset in ("price_model", "forecast")}


def test_a_product_that_leaves_the_source_loses_its_partition_and_gets_it_back_when_it_returns(watched: Watched) -> None:
    sku = sorted(watched.shop.rows["sku"].unique())[7]
    whole, list_of_all = watched.shop.rows.copy(), pd.read_csv(watched.shop.file.with_name("products.csv"))
    list_of_all[list_of_all["sku"] != sku].to_csv(watched.shop.file.with_name("products.csv"), index=False)
    watched.shop.drop(sku)
    watched.wait(
        "it is still there", lambda: encode_key(sku) not in watched.dagster.client.partition_status("forecast").materialized
    )
    before = watched.counts()
    list_of_all.to_csv(watched.shop.file.with_name("products.csv"), index=False)
    watched.shop.rows = whole
    watched.shop.save()
    watched.wait("it is not back", lambda: bool(watched.since(before).get("forecast")))
    assert watched.since(before) == once(sku)
