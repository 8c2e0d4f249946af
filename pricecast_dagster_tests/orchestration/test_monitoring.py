"""The monitor in Dagster: a pass as an asset, requests let through as one run with their reasons."""

import json
from pathlib import Path

import dagster as dg
import pytest

from pricecast_dagster.orchestration.monitoring import MONITOR_JOB
from pricecast_dagster.storage import monitor_passes, requests
from pricecast_dagster_tests.orchestration.conftest import Desk, definitions_of
from pricecast_dagster_tests.orchestration.test_sensors import config_of, tick
from pricecast_dagster_tests.shop import open_shop


@pytest.fixture
def desk(tmp_path: Path):
    shop = open_shop(tmp_path, products=2, days=80)
    with dg.instance_for_test(overrides={"telemetry": {"enabled": False}}, temp_dir=str(tmp_path)) as instance:
        yield Desk(shop, instance, definitions_of(shop))


def test_new_rows_a_pass_a_request_and_a_run_with_the_reason_in_its_tags(desk: Desk) -> None:
    assert "newest rows" in str(tick(desk, "monitoring_due"))
    desk.shop.refresh()
    asked = tick(desk, "monitoring_due")
    assert isinstance(asked, dg.RunRequest)
    assert "rows until 2026-05-30" in asked.tags["pricecast/reason"]
    job = desk.definitions.resolve_job_def(MONITOR_JOB)
    result = job.execute_in_process(instance=desk.instance, run_config=asked.run_config)
    assert result.success
    (materialized,) = result.asset_materializations_for_node("monitoring_report")
    assert materialized.metadata["products"].value == 2
    assert tick(desk, "monitoring_due") == "The last pass of the monitor saw the newest rows there are."
    context = desk.shop.context()
    with context.database.read() as connection:
        assert monitor_passes.recent(connection)[0].run_id == result.run_id

    assert tick(desk, "retraining_due") == "No retrain request waits."
    with context.database.write() as connection:
        wanted = [requests.Asked("SKU0001", "shift", {"told": "it moved"}, 2.0, optimize=False)]
        requests.ask(connection, wanted, context.clock())
    run = tick(desk, "retraining_due")
    assert isinstance(run, dg.RunRequest)
    assert run.tags["pricecast/reason"] == "retrain request: shift (1)"
    assert config_of(run)["skus"] == ["SKU0001"]
    desk.run(**json.loads(json.dumps(config_of(run))))
    with context.database.read() as connection:
        assert requests.newest(connection, ["SKU0001"])["SKU0001"].version is not None
