"""The committed OpenAPI schema: what clients are generated from."""

import json
from pathlib import Path

from pricecast_dagster_tests.api.conftest import Api

SCHEMA = Path(__file__).parents[2] / "docs" / "openapi.json"


def test_the_committed_schema_is_the_one_that_is_served(api: Api) -> None:
    told = "docs/openapi.json is behind: `pricecast serve --schema > docs/openapi.json`"
    assert json.loads(SCHEMA.read_text()) == api.client.get("/openapi.json").json(), told


def test_every_field_of_every_model_is_described_or_speaks_for_itself(api: Api) -> None:
    schema = api.client.get("/openapi.json").json()
    assert all(model.get("description") for model in schema["components"]["schemas"].values())
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            assert operation["description"], (method, path)
            for parameter in operation.get("parameters", ()):
                assert parameter["name"] in ("if-none-match",) or parameter.get("description"), (path, parameter["name"])
