"""The five calls of the reference, field by field: a client of the reference works unchanged."""

import re

import pytest

from pricecast_dagster.errors import LaunchError
from pricecast_dagster_tests.api.conftest import YOUNG, Api

SUGAR = "a%C3%A7%C3%BAcar%201%2F2%20kg"


def test_predict_has_the_fields_of_the_reference_and_the_bands(api: Api) -> None:
    answer = api.client.get("/ml/predict/SKU0001", params={"days_ahead": 14})
    assert answer.status_code == 200
    found = answer.json()
    assert list(found)[:5] == ["sku", "dates", "prices", "model_used", "metrics"]
    assert found["sku"] == "SKU0001"
    assert len(found["dates"]) == len(found["prices"]) == 14
    assert found["dates"][0] == "2026-05-31"
    assert re.fullmatch(r"LightGBM_v\d{8}T\d{6}Z", found["model_used"])
    assert set(found["metrics"]) == {"rmse", "mae"}
    for level in ("80", "95"):
        assert 0 <= found["coverage"][level] <= 1
        assert all(
            low <= price <= high
            for low, price, high in zip(found[f"lower_{level}"], found["prices"], found[f"upper_{level}"], strict=True)
        )
    assert found["origin"] == "2026-05-30"
    assert found["stale"] is False


def test_predict_says_which_simple_method_answers_for_a_young_product(api: Api) -> None:
    found = api.client.get(f"/ml/predict/{YOUNG}").json()
    assert found["model_used"].startswith("MovingAverage")
    assert found["metrics"] == {"rmse": None, "mae": None}
    assert len(found["prices"]) == 14


def test_a_longer_forecast_than_the_stored_one_begins_like_it(api: Api) -> None:
    stored = api.client.get(f"/ml/predict/{SUGAR}").json()
    longer = api.client.get(f"/ml/predict/{SUGAR}", params={"days_ahead": 60}).json()
    assert len(longer["prices"]) == 60
    assert longer["prices"][:14] == pytest.approx(stored["prices"])
    assert longer["dates"][:14] == stored["dates"]


def test_models_lists_champions_and_counts_all(api: Api) -> None:
    found = api.client.get("/ml/models").json()
    assert set(found) == {"models", "count"}
    assert [model["sku"] for model in found["models"]] == ["SKU0001", "SKU0002", "açúcar 1/2 kg"]
    assert found["count"] == 3
    page = api.client.get("/ml/models", params={"limit": 1, "offset": 1, "prefix": "SKU"}).json()
    assert [model["sku"] for model in page["models"]] == ["SKU0002"]
    assert page["count"] == 2


def test_a_model_has_the_fields_of_the_reference_and_its_versions(api: Api) -> None:
    found = api.client.get(f"/ml/models/{SUGAR}").json()
    assert found["sku"] == "açúcar 1/2 kg"
    assert found["exists"] is True
    assert found["model_type"] == "LightGBM"
    assert set(found["metrics"]) >= {"rmse", "mae", "mape"}
    assert found["training_samples"] == 120
    assert found["trained_at"].startswith("2026-06-01T")
    assert found["reason"] == "new"
    assert [version["version"] for version in found["versions"]] == [found["version"]]
    assert found["champion_since"] > found["trained_at"]


def test_a_product_without_a_model_says_so(api: Api) -> None:
    found = api.client.get(f"/ml/models/{YOUNG}").json()
    assert found["exists"] is False
    assert found["version"] is None
    assert found["versions"] == []


def test_after_a_deletion_the_fallback_answers_and_nothing_retrains(api: Api) -> None:
    deleted = api.client.delete("/ml/models/SKU0001")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert api.client.get("/ml/predict/SKU0001").json()["model_used"].startswith("MovingAverage")
    assert api.client.get("/ml/models/SKU0001").json()["exists"] is False
    api.shop.refresh()
    found = api.client.get("/ml/models/SKU0001").json()
    assert found["exists"] is False
    assert "until it is asked for" in found["reason"]
    assert api.client.delete("/ml/models/SKU0001").status_code == 404


def test_training_without_dagster_says_how_to_start_it_and_leaves_nothing_behind(api: Api) -> None:
    answer = api.client.post("/ml/train/SKU0001", params={"optimize": "true", "n_trials": 50})
    assert answer.status_code == 503
    assert answer.json()["remedy"] == LaunchError.default_remedy
    assert "pricecast up" in LaunchError.default_remedy
    assert api.client.get("/ml/predict/SKU0001").json()["stale"] is False
