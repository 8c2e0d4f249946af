"""Retrain requests, and what the monitor measured."""

from datetime import UTC, datetime, timedelta

import pytest

from pricecast_dagster.storage import monitor_results, products, requests
from pricecast_dagster.storage.database import Database
from pricecast_dagster.storage.monitor_results import MonitorResult
from pricecast_dagster.storage.requests import RequestStatus

NOW = datetime(2026, 3, 4, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


@pytest.fixture
def stocked(database: Database) -> Database:
    with database.write() as connection:
        products.upsert(connection, [(sku, sku, "") for sku in ("A-1", "A-2")], NOW)
    return database


def test_asking_twice_for_the_same_reason_is_one_request(stocked: Database) -> None:
    with stocked.write() as connection:
        first = requests.create(connection, "A-1", "drift", NOW, evidence={"psi": 0.31}, optimize=True, trials=20)
        assert requests.create(connection, "A-1", "drift", LATER, evidence={"psi": 0.4}) == first
        assert requests.create(connection, "A-1", "age", LATER).id != first.id
        assert requests.create(connection, "A-2", "drift", LATER).id != first.id
    assert (first.evidence, first.optimize, first.trials, first.status) == ({"psi": 0.31}, True, 20, RequestStatus.OPEN)


def test_once_answered_the_same_reason_can_be_given_again(stocked: Database) -> None:
    with stocked.write() as connection:
        first = requests.create(connection, "A-1", "drift", NOW)
        requests.answer(connection, [("A-1", first.id, "20260304T000000Z")], LATER)
        second = requests.create(connection, "A-1", "drift", LATER)
        assert second.id > first.id
        answered = requests.listed(connection, status=RequestStatus.ANSWERED)
    assert [(one.id, one.version, one.answered_at) for one in answered] == [(first.id, "20260304T000000Z", LATER)]


def test_a_training_answers_what_was_asked_before_it_and_not_what_was_asked_meanwhile(stocked: Database) -> None:
    with stocked.write() as connection:
        drift = requests.create(connection, "A-1", "drift", NOW)
        age = requests.create(connection, "A-1", "age", NOW)
        by_hand = requests.create(connection, "A-1", "by hand", LATER)
        requests.answer(connection, [("A-1", age.id, "v1")], LATER)
        assert [one.id for one in requests.listed(connection, sku="A-1", status=RequestStatus.OPEN)] == [by_hand.id]
        assert requests.newest(connection, ["A-1", "A-2"])["A-1"].id == by_hand.id
    assert drift.id < age.id


def test_a_training_also_answers_what_waited_when_it_was_asked_for(stocked: Database) -> None:
    """It would be let through under a number that is not the newest, and stay open for ever."""
    with stocked.write() as connection:
        assert requests.ask(connection, [requests.Asked("A-1", "shift", {}, 1.5)], NOW) == ["A-1"]
        by_hand = requests.create(connection, "A-1", "by hand", NOW)
        requests.answer(connection, [("A-1", by_hand.id, "v1")], LATER)
        assert requests.waiting(connection) == []
        assert requests.ask(connection, [requests.Asked("A-1", "shift", {}, 1.5)], LATER) == ["A-1"]
        (again,) = requests.waiting(connection)
        assert requests.release(connection, [again.id], LATER) == ["A-1"]
        assert requests.newest(connection, ["A-1"])["A-1"].id == again.id


def test_the_newest_request_that_was_not_taken_back_counts(stocked: Database) -> None:
    with stocked.write() as connection:
        first = requests.create(connection, "A-1", "drift", NOW)
        second = requests.create(connection, "A-1", "age", NOW)
        assert requests.cancel(connection, second.id)
        assert not requests.cancel(connection, second.id)
        assert {sku: one.id for sku, one in requests.newest(connection, ["A-1", "A-2"]).items()} == {"A-1": first.id}
        assert [one.id for one in requests.listed(connection)] == [second.id, first.id]


def test_the_last_measurement_of_each_kind_counts(stocked: Database) -> None:
    def measured(sku: str, kind: str, verdict: str, when: datetime) -> MonitorResult:
        return MonitorResult(sku, kind, verdict, {"psi": 0.3}, when)

    old = [measured("A-1", "drift", "ok", NOW), measured("A-1", "accuracy", "ok", NOW), measured("A-2", "drift", "ok", NOW)]
    new = [measured("A-1", "drift", "the price level moved", LATER)]
    with stocked.write() as connection:
        monitor_results.record(connection, old)
        monitor_results.record(connection, new)
        monitor_results.record(connection, [])
        assert monitor_results.latest(connection) == {
            ("A-1", "drift"): new[0],
            ("A-1", "accuracy"): old[1],
            ("A-2", "drift"): old[2],
        }
        assert monitor_results.latest(connection, ["A-2"]) == {("A-2", "drift"): old[2]}
        assert monitor_results.of_sku(connection, "A-1", kind="drift") == [new[0], old[0]]
        assert monitor_results.prune(connection, LATER) == 3
        assert monitor_results.of_sku(connection, "A-1") == new
