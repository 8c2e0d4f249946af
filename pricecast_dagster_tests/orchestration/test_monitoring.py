"""The monitor in Dagster: a pass as an asset, requests let through as one run with their reasons."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from pricecast_dagster.orchestration.monitor_days import days_partitions
from pricecast_dagster.orchestration.monitoring import MONITOR_JOB
from pricecast_dagster.orchestration.resources import PricecastResource
from pricecast_dagster.storage import monitor_passes, monitor_results, requests
from pricecast_dagster.storage.monitor_passes import MonitorPass
from pricecast_dagster.storage.monitor_results import MonitorResult
from pricecast_dagster_tests.orchestration.conftest import Desk, definitions_of
from pricecast_dagster_tests.orchestration.test_sensors import config_of, tick
from pricecast_dagster_tests.shop import open_shop


def today() -> str:
    return str(datetime.now(UTC).date())


def look(desk: Desk, day: str) -> dg.ExecuteInProcessResult:
    job = desk.definitions.resolve_job_def(MONITOR_JOB)
    return job.execute_in_process(instance=desk.instance, partition_key=day, raise_on_error=False)


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
    assert asked.partition_key == today()
    result = look(desk, today())
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


def test_each_day_has_its_report_and_a_past_one_shows_what_is_kept_and_looks_at_nothing(desk: Desk) -> None:
    desk.shop.refresh()
    context = desk.shop.context()
    then = datetime(2026, 3, 2, 5, 30, tzinfo=UTC)
    rows = then.date() - timedelta(days=1)
    with context.database.write() as connection:
        monitor_passes.record(connection, MonitorPass(rows, then, then, {"products": 7}, {}, "an earlier run"))
        found = MonitorResult("SKU0001", "noise", "it became noisier", {}, then, rows)
        monitor_results.record_news(connection, [found, MonitorResult("SKU0002", "shift", "ok", {}, then, rows)])

    kept = look(desk, "2026-03-02")
    (shown,) = kept.asset_materializations_for_node("monitoring_report")
    assert shown.partition == "2026-03-02"
    assert (shown.metadata["products"].value, shown.metadata["day"].value) == (7, "2026-03-01")
    assert [record.data["found"] for record in shown.metadata["findings"].records] == ["it became noisier"]
    with context.database.read() as connection:
        assert [one.run_id for one in monitor_passes.recent(connection)] == ["an earlier run"]

    lost = look(desk, "2026-03-03")
    assert not lost.success
    (failure,) = [event for event in lost.all_events if event.is_step_failure]
    assert "No pass of the monitor from 2026-03-03 is kept" in str(failure.step_failure_data.error)
    assert look(desk, today()).success
    materialized = desk.instance.get_materialized_partitions(dg.AssetKey("monitoring_report"))
    assert materialized == {"2026-03-02", today()}


def test_todays_partition_is_there_before_the_day_is_over_and_the_schedule_asks_for_it(desk: Desk) -> None:
    assert days_partitions.get_last_partition_key() == today()
    given = desk.shop.settings.model_dump(mode="json", include=desk.shop.settings.model_fields_set)
    context = dg.build_schedule_context(instance=desk.instance, resources={"stores": PricecastResource(overrides=given)})
    with context:
        asked = desk.definitions.resolve_schedule_def("monitor_daily")(context)
    assert isinstance(asked, dg.RunRequest)
    assert asked.partition_key == today()
