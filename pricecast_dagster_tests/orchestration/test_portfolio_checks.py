"""Checks about all products at once."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from pricecast_dagster.operations.health import examine
from pricecast_dagster.orchestration.resources import PricecastResource
from pricecast_dagster_tests.orchestration.conftest import Desk


def look(desk: Desk, cursor: str | None) -> dg.SensorResult:
    given = desk.shop.settings.model_dump(mode="json", include=desk.shop.settings.model_fields_set)
    context = dg.build_sensor_context(
        instance=desk.instance,
        cursor=cursor,
        definitions=desk.definitions,
        resources={"stores": PricecastResource(overrides=given)},
    )
    result = desk.definitions.resolve_sensor_def("portfolio_health")(context)
    assert isinstance(result, dg.SensorResult)
    return result


def test_the_checks_are_told_when_an_answer_changes_and_only_then(desk: Desk) -> None:
    desk.run()
    first = look(desk, None)
    assert {event.check_name: event.passed for event in first.asset_events} == {  # type: ignore[union-attr]
        "rejected_share": True,
        "source_freshness": False,  # the shop's days are of another time than this machine's
        "none_left_failed": True,
        "none_too_old": False,
    }
    again = look(desk, first.cursor)
    assert not again.asset_events and again.skip_reason is not None
    desk.shop.ruin("SKU0003")
    desk.run()
    told = {event.check_name: event for event in look(desk, first.cursor).asset_events}  # type: ignore[union-attr]
    failed = told["none_left_failed"]
    assert not failed.passed and failed.severity is dg.AssetCheckSeverity.WARN
    assert failed.description is not None
    assert "1 of 4 products are left failed (feature_table 1): SKU0003." in failed.description
    assert "pricecast why SKU" in failed.description


def test_a_person_can_have_them_evaluated_at_once(desk: Desk) -> None:
    desk.run()
    job = desk.definitions.resolve_implicit_global_asset_job_def()
    keys = [dg.AssetCheckKey(dg.AssetKey("forecast"), "none_left_failed")]
    result = job.get_subset(asset_selection=set(), asset_check_selection=set(keys)).execute_in_process(instance=desk.instance)
    assert [(check.check_name, check.passed) for check in result.get_asset_check_evaluations()] == [("none_left_failed", True)]


@pytest.mark.parametrize("desk", ["sqlite"], indirect=True)
def test_each_question_names_counts_and_the_next_step(desk: Desk) -> None:
    desk.shop.rows.loc[:99, "price"] = -1.0
    desk.shop.save()
    desk.shop.refresh()
    told = {answer.name: answer for answer in examine(desk.shop.context())}
    assert not told["rejected_share"].passed
    assert told["rejected_share"].told.startswith("100 of 600 lines (16.7%) were not taken: rejected: price negative 100.")
    assert told["source_freshness"].passed and told["none_too_old"].passed
    desk.shop.clock.now = datetime(2026, 8, 1, tzinfo=UTC)
    told = {answer.name: answer for answer in examine(desk.shop.context())}
    assert "63 days old" in told["source_freshness"].told
    assert told["none_too_old"].sample == ("SKU0001", "SKU0002", "SKU0003", "SKU0004")
