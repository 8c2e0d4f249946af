"""What the monitor keeps, on SQLite and PostgreSQL."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection

from pricecast_dagster.storage import monitor_passes, monitor_results, products, requests, served_scores, trials
from pricecast_dagster.storage.database import Database
from pricecast_dagster.storage.monitor_passes import MonitorPass
from pricecast_dagster.storage.monitor_results import MonitorResult
from pricecast_dagster.storage.requests import Asked, RequestStatus
from pricecast_dagster.storage.served_scores import ServedScore
from pricecast_dagster.storage.trials import Role, ShadowForecast, Trial, TrialStatus

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAY = date(2026, 3, 3)


@pytest.fixture(autouse=True)
def three_products(database: Database) -> None:
    with database.write() as connection:
        products.upsert(connection, [(sku, sku, "") for sku in ("A", "B", "C")], NOW)


def scored(sku: str, until: date, horizon: int = 0, mae: float = 1.0) -> ServedScore:
    return ServedScore(sku, until, 28, horizon, 14, 14, mae, 1.2, 0.1, 0.9, 1.1, -0.1, 0.8, 0.95)


def test_scores_stored_twice_are_there_once_and_of_older_days_only_the_curve_is_kept(database: Database) -> None:
    older, newer = [[scored("A", day, horizon) for horizon in (0, 1)] for day in (DAY, DAY + timedelta(days=1))]
    for scores in (older, newer, newer):
        with database.write() as connection:
            served_scores.store(connection, scores)
    with database.read() as connection:
        assert served_scores.of_sku(connection, "A") == newer
        assert served_scores.curve(connection, "A") == [older[0], newer[0]]
        assert served_scores.latest(connection) == {"A": newer[0]}
        assert served_scores.latest(connection, ["B"]) == {}


def result(verdict: str, day: date, sku: str = "A") -> MonitorResult:
    return MonitorResult(sku, "shift", verdict, {"severity": 1.5}, NOW, day)


def test_a_product_that_is_well_adds_no_rows_and_one_that_is_well_again_is_told_once(database: Database) -> None:
    days = [DAY + timedelta(days=number) for number in range(4)]
    told = []
    for verdict, day in zip(("ok", "found", "found", "ok"), days, strict=True):
        with database.write() as connection:
            told.append([one.verdict for one in monitor_results.record_news(connection, [result(verdict, day)])])
    assert told == [[], ["found"], [], ["ok"]]
    with database.read() as connection:
        assert [one.verdict for one in monitor_results.of_sku(connection, "A")] == ["ok", "found", "found"]
        assert monitor_results.found(connection) == []


def test_a_second_pass_on_the_same_day_takes_the_place_of_the_first(database: Database) -> None:
    for count in (1, 2):
        with database.write() as connection:
            monitor_results.record_news(connection, [result("found", DAY)])
            monitor_passes.record(connection, MonitorPass(DAY, NOW, NOW, {"scored": count}, {}))
    with database.read() as connection:
        assert len(monitor_results.of_sku(connection, "A")) == 1
        assert [done.counts for done in monitor_passes.recent(connection)] == [{"scored": 2}]


def asked(connection: Connection, *severities: tuple[str, float]) -> list[str]:
    return requests.ask(connection, [Asked(sku, "shift", {"value": value}, value) for sku, value in severities], NOW)


def test_what_waits_is_worst_first_is_asked_once_and_its_evidence_is_kept_up_to_date(database: Database) -> None:
    with database.write() as connection:
        assert asked(connection, ("A", 1.5), ("B", 3.0)) == ["A", "B"]
        assert asked(connection, ("A", 5.0), ("C", 1.0)) == ["C"]
    with database.read() as connection:
        waiting = requests.waiting(connection)
        assert [(one.sku, one.severity) for one in waiting] == [("A", 5.0), ("B", 3.0), ("C", 1.0)]
        assert requests.newest(connection, ["A", "B", "C"]) == {}  # no input of price_model yet


def test_what_waits_to_be_weighed_again_becomes_a_contest_when_a_reason_for_one_comes(database: Database) -> None:
    with database.write() as connection:
        requests.ask(connection, [Asked("A", "correction", {}, 2.0, optimize=False)], NOW)
        assert not requests.waiting(connection)[0].optimize
        asked(connection, ("A", 3.0))
        (waiting,) = requests.waiting(connection)
        assert (waiting.reason, waiting.optimize) == ("shift", True)


def test_the_pass_of_a_day_is_found_by_when_it_began_and_what_it_found_by_its_rows(database: Database) -> None:
    with database.write() as connection:
        monitor_results.record_news(connection, [result("found", DAY), result("later", DAY + timedelta(days=1))])
        for days in (0, 1):
            monitor_passes.record(connection, MonitorPass(DAY + timedelta(days=days), NOW, NOW, {"scored": days}, {}))
        yesterday = NOW - timedelta(days=1)
        monitor_passes.record(connection, MonitorPass(DAY - timedelta(days=1), yesterday, yesterday, {}, {}))
    with database.read() as connection:
        newest = monitor_passes.begun_on(connection, NOW.date())
        assert newest is not None
        assert newest.started_at == NOW
        before = monitor_passes.begun_on(connection, yesterday.date())
        assert before is not None
        assert before.day == DAY - timedelta(days=1)
        assert monitor_passes.begun_on(connection, NOW.date() + timedelta(days=1)) is None
        assert [one.verdict for one in monitor_results.of_day(connection, DAY)] == ["found"]


def test_a_released_request_is_open_and_one_taken_back_is_never_released(database: Database) -> None:
    with database.write() as connection:
        asked(connection, ("A", 1.5), ("B", 3.0))
        first, second = (one.id for one in requests.waiting(connection))
        assert requests.cancel(connection, second)
        assert requests.release(connection, [first, second], NOW) == ["B"]
        assert requests.newest(connection, ["A", "B"])["B"].status is RequestStatus.OPEN
        assert [one.sku for one in requests.released_since(connection, NOW)] == ["B"]
        assert asked(connection, ("B", 9.0)) == []  # it is being trained anyway


def test_asking_by_hand_takes_back_what_waits(database: Database) -> None:
    with database.write() as connection:
        asked(connection, ("A", 1.5))
        made = requests.create(connection, "A", "by hand", NOW)
        assert requests.waiting(connection) == []
        assert requests.newest(connection, ["A"]) == {"A": made}


def a_trial(sku: str = "A", role: Role = Role.PREDECESSOR) -> Trial:
    return Trial(sku, role, "20260101T000000Z", "20260102T000000Z", "better", DAY, DAY + timedelta(days=28), NOW)


def test_a_new_trial_ends_the_one_before_and_shadow_forecasts_are_kept_once_an_origin(database: Database) -> None:
    with database.write() as connection:
        trials.begin(connection, [a_trial()])
        trials.begin(connection, [replace(a_trial(), role=Role.CHALLENGER)])
        (running,) = trials.open_trials(connection).values()
        days = (DAY + timedelta(days=1), DAY + timedelta(days=2))
        shadow = ShadowForecast(running.id, DAY, days, (1.0, 2.0), (0.5, 1.0), (2.0, 3.0), (0.1, 0.2), (3.0, 4.0))
        trials.store_shadows(connection, [shadow])
        trials.store_shadows(connection, [replace(shadow, price=(5.0, 6.0))])
        assert trials.shadow_days(connection, running.id) == [(DAY, 1, days[0], 5.0), (DAY, 2, days[1], 6.0)]
    assert running.role is Role.CHALLENGER
    with database.read() as connection:
        assert [one.status for one in trials.listed(connection, sku="A")] == [TrialStatus.OPEN, TrialStatus.CANCELLED]


def test_a_trial_ends_once(database: Database) -> None:
    with database.write() as connection:
        trials.begin(connection, [a_trial()])
        number = trials.open_trials(connection)["A"].id
        assert trials.end(connection, number, TrialStatus.ROLLED_BACK, "worse", {"days": 9}, NOW)
        assert not trials.end(connection, number, TrialStatus.KEPT, "again", {}, NOW)
        assert trials.ended_since(connection, NOW)[0].decision == "worse"
        assert trials.prune(connection, NOW + timedelta(seconds=1)) == 1
