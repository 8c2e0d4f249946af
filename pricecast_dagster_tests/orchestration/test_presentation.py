"""What a person sees in Dagster of a product, a batch, and the assets."""

import base64
import re
from xml.etree import ElementTree

import dagster as dg
import pytest

from pricecast_dagster.orchestration.charts import forecast_chart
from pricecast_dagster.orchestration.presentation import SMALL_BATCH, Presentation
from pricecast_dagster.schemas import FEATURE_COLUMNS, STAGES, Stage
from pricecast_dagster.stages.outcome import Outcome, Status
from pricecast_dagster.storage import ingests
from pricecast_dagster_tests.orchestration.conftest import Desk


def latest(desk: Desk, stage: Stage, sku: str) -> dg.AssetMaterialization:
    records = desk.instance.fetch_materializations(dg.AssetKey(stage.value), limit=100).records
    found = next(record for record in records if record.partition_key == sku)
    assert found.asset_materialization is not None
    return found.asset_materialization


@pytest.mark.parametrize("desk", ["sqlite"], indirect=True)
def test_a_products_event_links_to_its_page_and_a_small_batch_shows_the_forecast_as_picture_and_table(desk: Desk) -> None:
    desk.run()
    for stage in STAGES:
        page = latest(desk, stage, "SKU0001").metadata["page"]
        assert page == dg.MetadataValue.url("http://127.0.0.1:8000/products/SKU0001")
    told = latest(desk, Stage.FORECAST, "SKU0001").metadata
    assert isinstance(told["chart"], dg.MarkdownMetadataValue) and isinstance(told["forecast"], dg.TableMetadataValue)
    assert told["forecast"].records[0].data["date"] == "2026-05-31"
    assert len(told["chart"].md_str or "") < 6000
    outcome = Outcome("SKU0001", Stage.FORECAST, Status.FRESH, "new", data_version=str(told["reason"]))
    assert set(Presentation(desk.shop.context(), SMALL_BATCH + 1).of([outcome])(outcome)) == {"page"}


def test_a_picture_is_an_svg_whose_points_lie_inside_of_it() -> None:
    markdown = forecast_chart([1.0, 2.0, 1.5], ([1.6, 1.7], [1.0, 0.9], [2.0, 2.4]), "A: chart")
    (encoded,) = re.findall(r"^!\[A: chart\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)$", markdown)
    root = ElementTree.fromstring(base64.b64decode(encoded))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    points = [tuple(map(float, pair.split(","))) for shape in root for pair in shape.attrib["points"].split()]
    assert len(points) == 4 + 3 + 3
    assert all(0 <= x <= width and 0 <= y <= height for x, y in points)


def test_a_price_that_never_moves_has_a_picture_too() -> None:
    assert "nan" not in base64.b64decode(forecast_chart([2.0], ([2.0], [2.0], [2.0]), "A").split(",")[1][:-1]).decode()


@pytest.mark.parametrize("desk", ["sqlite"], indirect=True)
def test_a_runs_log_ends_with_a_table_of_what_was_done_and_why(desk: Desk) -> None:
    desk.shop.ruin("SKU0003")
    result = desk.run()
    logs = desk.instance.all_logs(result.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    (told,) = [log.dagster_event for log in logs if log.dagster_event and "batch" in log.dagster_event.engine_event_data.metadata]
    assert told.message == "Why and what: new (4)"
    metadata = told.engine_event_data.metadata
    assert metadata["products"] == dg.MetadataValue.int(4)
    assert "feature_table failed 1" in str(metadata["stages"].value)
    records = [record.data for record in metadata["batch"].records]
    assert [record["sku"] for record in records] == ["SKU0003", "SKU0001", "SKU0002", "SKU0004"]
    assert str(records[0]["outcome"]).startswith("feature_table failed: SKU 'SKU0003'")
    assert str(records[1]["model"]).startswith("LightGBM_v")


def test_the_assets_say_what_they_hold_whose_they_are_and_where_every_column_comes_from(desk: Desk) -> None:
    for stage in STAGES:
        spec = desk.definitions.get_repository_def().asset_graph.get(dg.AssetKey(stage.value))
        assert spec.description and spec.owners == ["team:pricing"] and spec.kinds and spec.group_name == "pricecast"
        (reference,) = spec.metadata["dagster/code_references"].code_references
        assert reference.file_path.endswith(".py")
    features = desk.definitions.get_repository_def().asset_graph.get(dg.AssetKey("feature_table")).metadata
    lineage = features["dagster/column_lineage"].deps_by_column
    assert set(FEATURE_COLUMNS) <= set(lineage)
    assert [dep.column_name for dep in lineage["quantity_rolling_sum_7"]] == ["quantity"]
    assert [dep.column_name for dep in lineage["days_to_holiday"]] == ["date"]


@pytest.mark.parametrize("desk", ["sqlite"], indirect=True)
def test_a_stage_alone_works_on_what_is_stored_and_says_what_is_missing_where_it_is(desk: Desk) -> None:
    desk.run()
    with desk.shop.context().database.read() as connection:
        reads = len(ingests.recent(connection, 100))
    desk.shop.append_day(["SKU0001"])
    assert desk.materialize("SKU0001", stages=("price_model",)).success
    with desk.shop.context().database.read() as connection:
        assert len(ingests.recent(connection, 100)) == reads
    desk.shop.ruin("SKU0002")
    desk.run()
    result = desk.materialize("SKU0002", stages=("price_model",))
    assert not result.success
    (failure,) = [event for event in result.all_events if event.event_type_value == "STEP_FAILURE"]
    (record,) = failure.step_failure_data.user_failure_data.metadata["failed"].records
    assert "SKU 'SKU0002' has no usable feature_table, which price_model needs. It failed:" in record.data["error"]
    assert record.data["error"].endswith("Materialize feature_table of this product first.")
