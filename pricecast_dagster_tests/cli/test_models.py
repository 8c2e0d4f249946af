"""`models`: looking at the registry, deleting, going back."""

import json

from pricecast_dagster_tests.cli.conftest import Pricecast
from pricecast_dagster_tests.shop import Shop


def first(shop: Shop) -> str:
    return sorted(shop.rows["sku"].unique())[0]


def model_used(pricecast: Pricecast, sku: str) -> str:
    used: str = json.loads(pricecast("predict", sku, "--format", "json").stdout)["model_used"]
    return used


def test_list_shows_the_champions_page_by_page(shop: Shop, pricecast: Pricecast) -> None:
    pricecast("refresh")
    everyone = pricecast("models", "list").stdout
    assert "3 of 3 products with a model." in everyone
    page = pricecast("models", "list", "--limit", "1", "--offset", "1").stdout
    assert "1 of 3 products" in page
    assert sorted(shop.rows["sku"].unique())[1] in page
    assert "1 of 1 products" in pricecast("models", "list", "--prefix", first(shop)).stdout


def test_a_deleted_model_gives_way_to_a_fallback_until_its_training_is_asked_for(shop: Shop, pricecast: Pricecast) -> None:
    pricecast("refresh")
    told = pricecast("models", "delete", first(shop), "--reason", "bad week").stdout
    assert told.startswith("1 versions deleted")
    assert not model_used(pricecast, first(shop)).startswith("LightGBM")
    assert "bad week" in pricecast("models", "show", first(shop)).stdout

    shop.append_day([first(shop)])
    pricecast("refresh")
    pricecast("train", "--no-optimize")
    assert not model_used(pricecast, first(shop)).startswith("LightGBM")

    pricecast("train", "--no-optimize", "--sku", first(shop))
    pricecast("forecast")
    assert model_used(pricecast, first(shop)).startswith("LightGBM")
    assert "bad week" not in pricecast("models", "show", first(shop)).stdout.splitlines()[0]


def test_rollback_makes_the_earlier_version_answer_again_and_refresh_leaves_it_so(shop: Shop, pricecast: Pricecast) -> None:
    pricecast("refresh")
    before = model_used(pricecast, first(shop))
    pricecast("train", "--no-optimize", "--sku", first(shop))
    pricecast("forecast")
    after = model_used(pricecast, first(shop))
    assert after != before
    pricecast("models", "rollback", first(shop))
    assert model_used(pricecast, first(shop)) == before
    assert pricecast("refresh").stdout.endswith("nothing was computed.\n")
    pricecast("models", "rollback", first(shop), "--to", after.removeprefix("LightGBM_v"))
    assert model_used(pricecast, first(shop)) == after


def test_what_is_not_there_is_told(shop: Shop, pricecast: Pricecast) -> None:
    pricecast("ingest")
    assert "0 of 0 products" in pricecast("models", "list").stdout
    assert "has no model; a simple method answers" in pricecast("models", "show", first(shop)).stdout
    assert "There is no product 'nope'" in pricecast("models", "show", "nope", ends_with=1).stderr
    assert "There is no product 'nope'" in pricecast("models", "delete", "nope", ends_with=1).stderr
    assert "has no model" in pricecast("models", "delete", first(shop), ends_with=1).stderr
    assert "no earlier champion" in pricecast("models", "rollback", first(shop), ends_with=1).stderr
