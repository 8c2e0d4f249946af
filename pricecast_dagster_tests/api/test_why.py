"""`GET /ml/why/{sku}`: what `pricecast why` tells, as JSON."""

from pricecast_dagster.storage import registry
from pricecast_dagster_tests.api.conftest import Api


def test_it_goes_from_the_forecast_back_to_the_rows_each_step_made_from_the_next(api: Api) -> None:
    sku = "SKU0001"
    answer = api.client.get(f"/ml/why/{sku}").json()
    forecast, model, features, history = answer["steps"]
    assert [step["stage"] for step in answer["steps"]] == ["forecast", "price_model", "feature_table", "raw_history"]
    assert forecast["made_from"] == f"{history['version']}/{model['version']}"
    assert model["made_from"] == features["version"] and features["made_from"] == history["version"]
    assert all(step["stale"] is None and step["error"] is None and step["when"] for step in answer["steps"])
    with api.services.context.database.read() as connection:
        champion = registry.get(connection, sku)
    assert answer["models"][0]["version"] == champion.version and answer["models"][0]["standing"] == "champion"
    assert answer["active"] is True and answer["rejected"] == []


def test_an_unknown_product_is_a_404_with_a_problem_document(api: Api) -> None:
    answer = api.client.get("/ml/why/nobody")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
