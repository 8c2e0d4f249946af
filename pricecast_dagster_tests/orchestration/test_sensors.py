import dagster as dg

from pricecast_dagster.orchestration.jobs import skus_of
from pricecast_dagster.orchestration.resources import PricecastResource
from pricecast_dagster.storage import requests
from pricecast_dagster_tests.orchestration.conftest import Desk


def tick(desk: Desk, name: str) -> dg.RunRequest | str:
    """What the sensor asks for, or why it asks for nothing."""
    sensor = desk.definitions.resolve_sensor_def(name)
    given = desk.shop.settings.model_dump(mode="json", include=desk.shop.settings.model_fields_set)
    context = dg.build_sensor_context(
        instance=desk.instance, definitions=desk.definitions, resources={"stores": PricecastResource(overrides=given)}
    )
    answer = sensor(context)
    if isinstance(answer, dg.SkipReason):
        return str(answer.skip_message)
    assert isinstance(answer, dg.RunRequest)
    return answer


def config_of(request: dg.RunRequest | str) -> dict[str, object]:
    assert isinstance(request, dg.RunRequest)
    config = request.run_config["ops"]["pricecast"]["config"]
    assert isinstance(config, dict)
    return config


def test_a_new_source_is_read_and_then_left_alone_until_it_moves(desk: Desk) -> None:
    first = tick(desk, "source_changed")
    assert config_of(first)["source"] == "always"
    desk.run(**config_of(first))
    assert "Nothing in the source has moved" in str(tick(desk, "source_changed"))
    desk.shop.append_day(["SKU0001"])
    assert config_of(tick(desk, "source_changed"))["skus"] == []


def test_a_source_that_is_not_there_is_told_and_asks_for_nothing(desk: Desk) -> None:
    desk.shop.file.unlink()
    assert "cannot be looked at" in str(tick(desk, "source_changed"))


def test_an_idle_tick_asks_for_nothing(desk: Desk) -> None:
    desk.run()
    assert tick(desk, "out_of_date") == "Every product is up to date."


def test_a_retrain_request_is_found_and_named_in_the_reason(desk: Desk) -> None:
    desk.run()
    with desk.shop.context().database.write() as connection:
        requests.create(connection, "SKU0002", "drift", desk.shop.clock(), optimize=False)
    asked = tick(desk, "out_of_date")
    assert config_of(asked)["skus"] == ["SKU0002"]
    assert isinstance(asked, dg.RunRequest) and asked.tags["pricecast/reason"] == "retrain request: drift (1)"
    desk.run(**config_of(asked))
    assert tick(desk, "out_of_date") == "Every product is up to date."


def test_a_failed_product_is_not_asked_for_again(desk: Desk) -> None:
    desk.shop.ruin("SKU0003")
    desk.run()
    assert tick(desk, "out_of_date") == "Every product is up to date."
    assert "Nothing in the source has moved" in str(tick(desk, "source_changed"))


def test_results_of_the_command_line_are_brought_to_dagster(desk: Desk) -> None:
    desk.shop.refresh()
    asked = tick(desk, "out_of_date")
    desk.run(**config_of(asked))
    assert tick(desk, "out_of_date") == "Every product is up to date."
    assert desk.counts()["forecast"] == {"SKU0001": 1, "SKU0002": 1, "SKU0003": 1, "SKU0004": 1}


def test_a_run_under_way_is_not_asked_for_twice(desk: Desk) -> None:
    asked = tick(desk, "source_changed")
    assert isinstance(asked, dg.RunRequest)
    job = desk.definitions.resolve_job_def("refresh")
    desk.instance.create_run_for_job(job, run_config=asked.run_config, tags=dict(asked.tags), status=dg.DagsterRunStatus.STARTED)
    assert "under way" in str(tick(desk, "source_changed"))


def test_work_that_is_killed_every_time_is_given_up_after_three_runs(desk: Desk) -> None:
    asked = tick(desk, "source_changed")
    assert isinstance(asked, dg.RunRequest)
    job = desk.definitions.resolve_job_def("refresh")
    keys = set()
    for _ in range(3):
        again = tick(desk, "source_changed")
        assert isinstance(again, dg.RunRequest)
        keys.add(again.run_key)
        desk.instance.create_run_for_job(
            job, run_config=asked.run_config, tags=dict(asked.tags), status=dg.DagsterRunStatus.FAILURE
        )
    assert len(keys) == 3
    assert "by hand" in str(tick(desk, "source_changed"))


def test_the_names_of_a_runs_products_are_read_from_its_config(desk: Desk) -> None:
    job = desk.definitions.resolve_job_def("refresh")
    config = {"ops": {"pricecast": {"config": {"skus": ["SKU0001"]}}}}
    assert skus_of(desk.instance.create_run_for_job(job, run_config=config)) == {"SKU0001"}


def test_a_source_that_has_not_moved_is_read_again_when_that_was_long_ago(desk: Desk) -> None:
    desk.shop.refresh()  # by the shop's clock, months ago
    asked = tick(desk, "source_changed")
    assert isinstance(asked, dg.RunRequest) and "full read is due" in asked.tags["pricecast/reason"]
    before = desk.counts()
    desk.run(**config_of(asked))
    assert "Nothing in the source has moved" in str(tick(desk, "source_changed"))
    assert before == {stage: {} for stage in before}
