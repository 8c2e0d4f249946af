"""A new pooled model in Dagster: the sensor finds whom it concerns, and nothing is unsynced afterwards."""

from dataclasses import replace

import dagster as dg
from dagster._core.definitions.data_version import CODE_VERSION_TAG

from pricecast_dagster.forecasting.recipe import POOLED
from pricecast_dagster.orchestration.maintenance import MAINTENANCE_JOB
from pricecast_dagster.schemas import Stage
from pricecast_dagster.settings import load_settings
from pricecast_dagster_tests.orchestration.conftest import Desk, definitions_of
from pricecast_dagster_tests.orchestration.test_sensors import config_of, tick
from pricecast_dagster_tests.shop import Shop


def with_settings(shop: Shop, **changed: object) -> Shop:
    """The same shop under other settings; what was given explicitly travels to the code that Dagster loads."""
    given = shop.settings.model_dump(include=shop.settings.model_fields_set)
    return replace(shop, settings=load_settings(**(given | changed)))


def code_versions_of(desk: Desk, stage: Stage) -> set[str]:
    records = desk.instance.fetch_materializations(dg.AssetKey(stage.value), limit=100).records
    newest = {record.partition_key: record for record in reversed(records)}
    return {
        str(record.asset_materialization.tags[CODE_VERSION_TAG]) for record in newest.values() if record.asset_materialization
    }


def test_maintenance_makes_it_and_the_sensor_takes_every_model_with_the_member_up_again(desk: Desk) -> None:
    shop = with_settings(desk.shop, members=[POOLED], pool_days=28)
    desk = Desk(shop, desk.instance, definitions_of(shop))
    desk.run()
    assert tick(desk, "out_of_date") == "Every product is up to date."
    assert desk.definitions.resolve_job_def(MAINTENANCE_JOB).execute_in_process(instance=desk.instance).success
    asked = tick(desk, "out_of_date")
    assert isinstance(asked, dg.RunRequest)
    assert asked.tags["pricecast/reason"] == "pooled model changed (4)"
    assert config_of(asked)["skus"] == ["SKU0001", "SKU0002", "SKU0003", "SKU0004"]
    before = desk.counts()
    assert desk.run(**config_of(asked)).success
    after = desk.counts()
    for stage, moved in (("raw_history", 0), ("feature_table", 0), ("price_model", 1), ("forecast", 1)):
        assert after[stage] == {sku: count + moved for sku, count in before[stage].items()}
    assert tick(desk, "out_of_date") == "Every product is up to date."
    (spec,) = (spec for spec in desk.definitions.resolve_all_asset_specs() if spec.key.to_user_string() == "price_model")
    assert code_versions_of(desk, Stage.PRICE_MODEL) == {spec.code_version}
