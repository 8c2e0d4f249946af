"""The sensor `alerts` on a real instance: failed runs are told once, with the cause; a success resolves them."""

import json
from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.storage.tags import WILL_RETRY_TAG

from pricecast_dagster.orchestration.jobs import JOB_NAME
from pricecast_dagster.orchestration.resources import PricecastResource
from pricecast_dagster.settings import load_settings
from pricecast_dagster_tests.alerts.receivers import HttpReceiver, http_receiver
from pricecast_dagster_tests.orchestration.conftest import Desk


class Watcher:
    """Ticks the sensor, and hands its cursor from one tick to the next."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.cursor: str | None = None

    def tick(self) -> str:
        sensor = self._desk.definitions.resolve_sensor_def("alerts")
        given = self._desk.shop.settings.model_dump(mode="json", include=self._desk.shop.settings.model_fields_set)
        overrides = {name: value for name, value in given.items() if not name.startswith("alert_")}
        context = dg.build_sensor_context(
            instance=self._desk.instance,
            definitions=self._desk.definitions,
            resources={"stores": PricecastResource(overrides=overrides)},
            cursor=self.cursor,
        )
        answer = sensor(context)
        assert isinstance(answer, dg.SkipReason)
        self.cursor = context.cursor
        return str(answer.skip_message)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpReceiver]:
    with http_receiver() as opened:
        # As in life: secrets come from the environment, never through Dagster's configuration.
        monkeypatch.setenv("PRICECAST_ALERT_WEBHOOKS", json.dumps([opened.url]))
        monkeypatch.setenv("PRICECAST_ALERT_SOURCE_DAYS", "10000")
        yield opened


@pytest.fixture
def watcher(desk: Desk, receiver: HttpReceiver) -> Watcher:
    desk.shop.settings = load_settings(
        **{
            name: getattr(desk.shop.settings, name)
            for name in desk.shop.settings.model_fields_set
            if not name.startswith("alert_")
        }
    )
    return Watcher(desk)


def failed_run(desk: Desk, **tags: str) -> dg.DagsterRun:
    """A run that its worker left without a word."""
    run = desk.instance.create_run_for_job(
        desk.definitions.resolve_job_def(JOB_NAME), tags=tags, status=dg.DagsterRunStatus.STARTED
    )
    desk.instance.report_run_failed(run, "The run worker was killed.")
    return run


def test_a_run_that_failed_is_told_once_with_its_cause_and_resolved_by_the_next_success(
    desk: Desk, watcher: Watcher, receiver: HttpReceiver
) -> None:
    run = failed_run(desk)
    assert "Told: pricecast: 1 new" in watcher.tick()
    assert "Nothing new to tell" in watcher.tick()
    watcher.cursor = None  # a lost cursor: two days of runs are looked at again
    watcher.tick()
    (message,) = receiver.got
    (finding,) = message["new"]
    assert finding["subject"] == "run:refresh"
    assert "The run worker was killed." in finding["told"]
    assert run.run_id in finding["remedy"]
    assert desk.run().success
    assert "1 resolved" in watcher.tick()
    assert [one["title"] for one in receiver.got] == ["pricecast: 1 new", "pricecast: 1 resolved"]


def test_a_run_whose_products_failed_is_told_as_those_products(desk: Desk, watcher: Watcher, receiver: HttpReceiver) -> None:
    desk.shop.ruin("SKU0003")
    assert not desk.run().success
    watcher.tick()
    (message,) = receiver.got
    assert [one["subject"] for one in message["new"]] == ["failed:SKU0003"]


def test_a_source_that_cannot_be_read_is_one_finding_and_not_two(desk: Desk, watcher: Watcher, receiver: HttpReceiver) -> None:
    desk.shop.file.write_text("nothing,like\na,price\n")
    assert not desk.run().success
    watcher.tick()
    (message,) = receiver.got
    assert [one["subject"] for one in message["new"]] == ["source"]


def test_a_run_that_dagster_starts_again_is_not_told_before_that_has_failed_too(
    desk: Desk, watcher: Watcher, receiver: HttpReceiver
) -> None:
    failed_run(desk, **{WILL_RETRY_TAG: "true"})
    watcher.tick()
    assert receiver.got == []
    failed_run(desk)
    watcher.tick()
    assert len(receiver.got) == 1


def test_while_a_run_is_under_way_nothing_new_is_told(desk: Desk, watcher: Watcher, receiver: HttpReceiver) -> None:
    watcher.tick()
    job = desk.definitions.resolve_job_def(JOB_NAME)
    run = desk.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    failed_run(desk)
    assert "1 runs are under way" in watcher.tick()
    assert receiver.got == []
    desk.instance.report_run_failed(run, "So did this one.")
    watcher.tick()
    assert [one["counts"]["new"] for one in receiver.got] == [1]


def test_a_receiver_that_is_down_is_named_by_the_tick_without_its_address(
    desk: Desk, watcher: Watcher, receiver: HttpReceiver
) -> None:
    receiver.status = 500
    failed_run(desk)
    told = watcher.tick()
    assert "did not take its message: The receiver answered 500" in told
    assert receiver.url not in told
