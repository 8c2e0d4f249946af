"""Deleting from Dagster's own tables: what a person and the daemon see of partitions is the same before and after."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.definitions.data_version import DATA_VERSION_TAG, CachingStaleStatusResolver, StaleCauseCategory
from dagster._core.loader import LoadingContextForTest
from dagster._core.storage.partition_status_cache import AssetPartitionStatus, get_and_update_asset_status_cache_value

from pricecast_dagster.errors import StorageError
from pricecast_dagster.orchestration import retention
from pricecast_dagster.orchestration.partitions import PARTITIONS_NAME, skus_partitions
from pricecast_dagster.orchestration.retention import examine_events, prune_events
from pricecast_dagster.schemas import STAGES, Stage
from pricecast_dagster_tests.orchestration.conftest import Desk

LATER = timedelta(days=1)
NOTHING = retention.Superseded(0, 0, 0, 0)


def now() -> datetime:
    return datetime.now(UTC) + LATER


def seen(desk: Desk) -> dict[tuple[str, str], tuple[object, ...]]:
    """Of every asset and partition: status, data version, stale mark with its causes; computed anew, no cache."""
    keys = desk.instance.get_dynamic_partitions(PARTITIONS_NAME)
    graph = desk.definitions.get_repository_def().asset_graph
    resolver = CachingStaleStatusResolver(desk.instance, graph, loading_context=LoadingContextForTest(desk.instance))
    found: dict[tuple[str, str], tuple[object, ...]] = {}
    for stage in STAGES:
        asset = dg.AssetKey(stage.value)
        desk.instance.wipe_asset_cached_status([asset])
        get_and_update_asset_status_cache_value(desk.instance, asset, skus_partitions)
        statuses = desk.instance.get_status_by_partition(asset, keys, skus_partitions) or {}
        versions = desk.instance.event_log_storage.get_latest_tags_by_partition(
            asset, dg.DagsterEventType.ASSET_MATERIALIZATION, [DATA_VERSION_TAG]
        )
        for key in keys:
            causes = [(cause.category, cause.reason) for cause in resolver.get_stale_causes(asset, key)]
            found[stage.value, key] = (
                statuses[key],
                versions.get(key),
                resolver.get_status(asset, key),
                causes,
            )
    return found


def moved(status: tuple[object, ...]) -> bool:
    """Whether a partition is marked as stale because something above it has moved on."""
    causes = status[3]
    assert isinstance(causes, list)
    return any(category is not StaleCauseCategory.CODE for category, _ in causes)


def past(desk: Desk) -> None:
    """A past with everything in it: changes, a product repaired, one red, one gone, one stale, an idle run."""
    desk.run()
    good = desk.shop.rows.copy()
    desk.shop.ruin("SKU0003")
    desk.run()
    desk.shop.rows = good
    desk.shop.append_day(["SKU0001", "SKU0002"])
    desk.run()
    desk.run()
    desk.shop.ruin("SKU0002")
    desk.shop.drop("SKU0003")
    desk.run()
    desk.shop.append_day(["SKU0004"])
    desk.materialize("SKU0004", stages=(Stage.RAW_HISTORY.value,), source="always")


def test_partition_states_versions_and_stale_marks_are_the_same_before_and_after_and_go_on_from_there(desk: Desk) -> None:
    past(desk)
    before, runs = seen(desk), len(desk.instance.get_runs())
    assert moved(before["feature_table", "SKU0004"])
    assert before["feature_table", "SKU0002"][0] is AssetPartitionStatus.FAILED
    foretold = examine_events(desk.instance, 1, now())
    assert seen(desk) == before
    assert foretold.materializations and foretold.plans and foretold.runs
    assert prune_events(desk.instance, 1, now()) == foretold
    assert seen(desk) == before
    assert len(desk.instance.get_runs()) == runs - foretold.runs
    assert examine_events(desk.instance, 1, now()) == NOTHING
    # One more than the newest where something below was made from it; nothing of a product that is gone.
    assert max(count for of_asset in desk.counts().values() for count in of_asset.values()) <= 2
    assert all("SKU0003" not in of_asset for of_asset in desk.counts().values())

    desk.shop.rows.loc[desk.shop.rows["sku"] == "SKU0002", "quantity"] = 3.0
    desk.shop.save()
    assert desk.run().success
    assert {status[0] for status in seen(desk).values()} == {AssetPartitionStatus.MATERIALIZED}
    assert {key for key, status in seen(desk).items() if moved(status)} == set()


def test_what_is_young_or_under_way_stays(desk: Desk) -> None:
    desk.run()
    desk.shop.append_day(["SKU0001"])
    desk.run()
    assert prune_events(desk.instance, 1, datetime.now(UTC) - LATER) == NOTHING
    job = desk.definitions.resolve_job_def("refresh")
    run = desk.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert prune_events(desk.instance, 1, now()).materializations
    assert desk.instance.has_run(run.run_id)


def test_another_release_of_dagster_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dg, "__version__", "1.14.0")
    with dg.DagsterInstance.ephemeral() as instance, pytest.raises(StorageError, match=r"Dagster 1\.14\.0"):
        prune_events(instance, 1, now())


def test_the_job_tells_what_it_gave_up_and_looks_only_where_it_is_told_to(desk: Desk) -> None:
    desk.run()
    job = desk.definitions.resolve_job_def("maintenance")
    config = {"ops": {"give_up": {"config": {"apply": False}}}}
    for run_config, title in ((config, "past its retention"), ({}, "given up")):
        result = job.execute_in_process(instance=desk.instance, run_config=run_config)
        (event,) = [event for event in result.all_events if event.event_type_value == "STEP_OUTPUT"]
        table = event.step_output_data.metadata[title]
        assert isinstance(table, dg.TableMetadataValue)
        assert "model versions" in {record.data["what"] for record in table.records}
