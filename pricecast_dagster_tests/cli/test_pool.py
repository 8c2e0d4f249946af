"""`pool`: what is said of the pooled model, by itself, by `why` and by `maintenance`."""

import json
import re

import pytest

from pricecast_dagster.forecasting.recipe import POOLED
from pricecast_dagster_tests.cli.conftest import Pricecast
from pricecast_dagster_tests.shop import Shop


def test_pool_says_what_it_learned_from_and_what_follows(
    shop: Shop, pricecast: Pricecast, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = pricecast("pool", ends_with=1)
    assert "pricecast ingest" in refused.output
    pricecast("ingest")
    unused = pricecast("pool").stdout
    assert "3 of 3 products until 2026-05-30" in unused
    assert "PRICECAST_MEMBERS does not name `pooled`" in unused
    assert "the rows are the same" in pricecast("pool").stdout
    assert "pooled model in force" not in pricecast("why", "SKU0001").stdout

    monkeypatch.setenv("PRICECAST_MEMBERS", json.dumps([POOLED]))
    version = re.search(r"Pooled model (\w+) ", unused)[1]  # type: ignore[index]
    pricecast("refresh")
    told = pricecast("why", "SKU0001").stdout
    assert f"pooled model in force  {version}" in told and "by the command line" in told
    assert f"pooled: {version}" in told
    shop.append_day(["SKU0001"])
    pricecast("ingest")
    assert "Every model with the member is out of date" in pricecast("pool").stdout
    assert "out of date now: pooled model changed" in pricecast("why", "SKU0002").stdout


def test_maintenance_makes_it_where_it_is_asked_to(shop: Shop, pricecast: Pricecast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRICECAST_MEMBERS", json.dumps([POOLED]))
    pricecast("ingest")
    assert "Pooled model" not in pricecast("maintenance", "--apply").output
    monkeypatch.setenv("PRICECAST_POOL_DAYS", "28")
    assert "Pooled model" not in pricecast("maintenance").output
    assert re.search(r"Pooled model \w+ made", pricecast("maintenance", "--apply").output)
    assert "Pooled model" not in pricecast("maintenance", "--apply").output
