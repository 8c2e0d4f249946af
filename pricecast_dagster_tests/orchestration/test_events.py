from collections import Counter
from dataclasses import replace

import dagster as dg
from dagster._core.definitions.data_version import DATA_VERSION_TAG
from dagster._core.event_api import PartitionKeyFilter

from pricecast_dagster.orchestration.jobs import REASON_TAG
from pricecast_dagster.orchestration.partitions import PARTITIONS_NAME
from pricecast_dagster.schemas import STAGES, Stage
from pricecast_dagster.stages import refresh
from pricecast_dagster.stages.plan import Plan
from pricecast_dagster.storage import states
from pricecast_dagster_tests.orchestration.conftest import Counts, Desk

ALL = ("SKU0001", "SKU0002", "SKU0003", "SKU0004")


def difference(before: Counts, after: Counts) -> set[tuple[str, str]]:
    return {
        (key, stage)
        for stage, counts in after.items()
        for key, count in (Counter(counts) - Counter(before[stage])).items()
        for _ in range(count)
    }


def chain(*skus: str) -> set[tuple[str, str]]:
    return {(sku, stage.value) for sku in skus for stage in STAGES}


def test_one_run_materializes_every_product_in_all_four_assets_once(desk: Desk) -> None:
    result = desk.run()
    assert result.success
    assert set(desk.instance.get_dynamic_partitions(PARTITIONS_NAME)) == set(ALL)
    assert desk.counts() == {stage.value: dict.fromkeys(ALL, 1) for stage in STAGES}


def test_a_run_with_nothing_to_do_writes_no_materialization(desk: Desk) -> None:
    desk.run()
    before = desk.counts()
    assert desk.run().success
    assert desk.counts() == before


def test_a_changed_product_gets_one_event_in_each_asset_and_the_run_says_why(desk: Desk) -> None:
    desk.run()
    before = desk.counts()
    desk.shop.append_day(["SKU0002"])
    result = desk.run()
    assert difference(before, desk.counts()) == chain("SKU0002")
    run = desk.instance.get_run_by_id(result.run_id)
    assert run is not None and run.tags[REASON_TAG] == "data changed (1)"


def test_events_carry_the_versions_that_the_database_has(desk: Desk) -> None:
    desk.run()
    with desk.shop.context().database.read() as connection:
        recorded = states.read_states(connection)
    for stage in STAGES:
        tags = desk.instance.event_log_storage.get_latest_tags_by_partition(
            dg.AssetKey(stage.value), dg.DagsterEventType.ASSET_MATERIALIZATION, [DATA_VERSION_TAG]
        )
        assert {key: tag[DATA_VERSION_TAG] for key, tag in tags.items()} == {
            sku: recorded[sku, stage].data_version for sku in ALL
        }


def test_a_failed_product_is_red_alone_and_green_again_after_its_repair(desk: Desk) -> None:
    good = desk.shop.rows.copy()
    desk.shop.ruin("SKU0003")
    result = desk.run()
    assert not result.success
    assert desk.red() == {("SKU0003", Stage.FEATURE_TABLE.value)}
    assert set(desk.counts()[Stage.PRICE_MODEL.value]) == set(ALL) - {"SKU0003"}
    assert set(desk.counts()[Stage.FORECAST.value]) == set(ALL)
    desk.shop.rows = good
    desk.shop.save()
    assert desk.run().success
    assert desk.red() == set()


def test_a_product_that_was_green_turns_red_when_it_fails(desk: Desk) -> None:
    desk.run()
    desk.shop.ruin("SKU0003")
    desk.run()
    assert desk.red() == {("SKU0003", Stage.FEATURE_TABLE.value)}


def test_a_failed_check_of_a_partition_is_recorded_with_its_place(desk: Desk) -> None:
    desk.run()
    desk.shop.ruin("SKU0003")
    result = desk.run()
    records = desk.instance.get_records_for_run(result.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION).records
    checks = [record.event_log_entry.get_dagster_event().asset_check_evaluation_data for record in records]
    (failed,) = [check for check in checks if not check.passed]
    assert failed.partition == "SKU0003"
    assert failed.check_name == "features_schema"
    assert failed.description is not None and "quantity" in failed.description


def test_the_check_of_a_partition_is_shown_with_its_latest_materialization(desk: Desk) -> None:
    desk.run()
    desk.shop.ruin("SKU0003")
    desk.run()
    for stage, name, sku, status in (
        (Stage.RAW_HISTORY, "history_schema", "SKU0001", "SUCCEEDED"),
        (Stage.FEATURE_TABLE, "features_schema", "SKU0002", "SUCCEEDED"),
        (Stage.FEATURE_TABLE, "features_schema", "SKU0003", "FAILED"),
    ):
        asset = dg.AssetKey(stage.value)
        storage = desk.instance.event_log_storage
        newest = storage.get_asset_check_execution_history(
            dg.AssetCheckKey(asset, name), limit=1, partition_filter=PartitionKeyFilter(key=sku)
        )[0]
        assert newest.event is not None and newest.event.dagster_event is not None
        evaluation = newest.event.dagster_event.asset_check_evaluation_data
        latest = storage.get_latest_storage_id_by_partition(asset, dg.DagsterEventType.ASSET_MATERIALIZATION, {sku})
        assert (newest.status.value, evaluation.partition) == (status, sku)
        assert evaluation.target_materialization_data is not None
        assert evaluation.target_materialization_data.storage_id == latest[sku]


def test_results_made_from_the_command_line_are_told_by_the_next_run(desk: Desk) -> None:
    desk.shop.refresh()
    assert desk.run().success
    assert desk.counts() == {stage.value: dict.fromkeys(ALL, 1) for stage in STAGES}
    before = desk.counts()
    desk.run()
    assert desk.counts() == before


def test_partitions_chosen_in_the_dialog_are_computed_again_and_no_others(desk: Desk) -> None:
    desk.run()
    before = desk.counts()
    assert desk.materialize("SKU0002", "SKU0003").success
    assert difference(before, desk.counts()) == chain("SKU0002", "SKU0003")


def test_one_stage_of_one_partition_alone(desk: Desk) -> None:
    desk.run()
    before = desk.counts()
    assert desk.materialize("SKU0004", stages=(Stage.PRICE_MODEL.value,)).success
    assert difference(before, desk.counts()) == {("SKU0004", Stage.PRICE_MODEL.value)}


def test_a_product_that_went_loses_its_partition_and_one_that_came_gets_one(desk: Desk) -> None:
    desk.run()
    desk.shop.drop("SKU0001")
    assert desk.run().success
    assert set(desk.instance.get_dynamic_partitions(PARTITIONS_NAME)) == set(ALL) - {"SKU0001"}


def test_what_a_run_under_way_will_tell_itself_is_left_to_it(desk: Desk) -> None:
    job = desk.definitions.resolve_job_def("refresh")
    other = desk.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    context = replace(desk.shop.context(), run_id=other.run_id)
    refresh.run(context, Plan())
    assert desk.run().success
    assert desk.counts() == {stage.value: {} for stage in STAGES}
    desk.instance.report_run_failed(other)
    assert desk.run().success
    assert desk.counts() == {stage.value: dict.fromkeys(ALL, 1) for stage in STAGES}
