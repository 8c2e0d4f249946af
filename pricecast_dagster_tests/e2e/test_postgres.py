"""PostgreSQL in production: our tables and Dagster's in one database."""

from pathlib import Path

import pytest

from pricecast_dagster.orchestration.client import UNFINISHED
from pricecast_dagster.orchestration.launch import running
from pricecast_dagster_tests.postgres import postgres_server
from pricecast_dagster_tests.shop import open_shop

pytestmark = pytest.mark.e2e


def test_our_tables_and_dagsters_live_in_one_database(tmp_path: Path) -> None:
    with postgres_server() as new_database:
        shop = open_shop(tmp_path, products=3, database_url=new_database())
        with running(shop.settings) as dagster:
            dagster.wait_until(lambda: len(dagster.client.counts("forecast")) == 3, "no forecasts", 120)
            dagster.wait_until(lambda: not dagster.client.runs(statuses=UNFINISHED), "the run does not end", 120)
            assert dagster.client.runs()[0].status == "SUCCESS"
        assert not list((tmp_path / "home").rglob("*.db"))
        with running(shop.settings) as dagster:  # both find their tables again
            assert len(dagster.client.counts("forecast")) == 3
        assert not shop.refresh().computed
