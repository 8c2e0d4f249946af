"""From what is wrong to a message that has arrived, once; on SQLite and PostgreSQL, against a real HTTP receiver."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from pricecast_dagster.errors import DatabaseUnavailableError
from pricecast_dagster.operations import alerting, maintenance
from pricecast_dagster.storage import alerts, letters, monitor_results
from pricecast_dagster.storage.letters import DeliveryStatus
from pricecast_dagster.storage.monitor_results import MonitorResult
from pricecast_dagster_tests.alerts.conftest import Told
from pricecast_dagster_tests.alerts.receivers import SECRET, http_receiver


def test_nothing_is_told_while_nothing_is_wrong(told: Told) -> None:
    told.shop.refresh()
    assert told.look().title is None
    assert told.receiver.attempts == 0


def test_products_that_failed_are_one_message_and_their_repair_another(told: Told) -> None:
    sound = told.shop.rows.copy()
    for sku in ("SKU0001", "SKU0003"):
        told.shop.ruin(sku)
    told.refresh()
    told.look()
    told.look()
    assert told.titles == ["pricecast: 2 new"]
    message = told.receiver.got[0]
    assert message["id"] == "pricecast-1"
    assert message["severity"] == "error"
    assert [one["sku"] for one in message["new"]] == ["SKU0001", "SKU0003"]
    assert "feature table failed" in message["new"][0]["told"]
    assert message["new"][0]["remedy"]
    assert "SKU0003" in message["text"]

    told.shop.rows = sound
    told.shop.save()
    told.refresh()
    told.look()
    told.look()
    assert told.titles == ["pricecast: 2 new", "pricecast: 2 resolved"]
    assert told.receiver.got[1]["severity"] == "info"


def test_what_lasts_is_told_again_once_the_silence_is_over(told: Told) -> None:
    told.shop.ruin("SKU0002")
    told.refresh()
    told.look()
    told.wait(hours=23)
    told.look()
    assert len(told.titles) == 1
    told.wait(hours=2)
    told.look()
    assert told.titles[1:] == ["pricecast: 1 lasting"]


def test_a_subject_that_comes_and_goes_within_the_silence_is_told_of_once(told: Told) -> None:
    sound = told.shop.rows.copy()
    for _ in range(2):
        told.shop.ruin("SKU0002")
        told.refresh()
        told.look()
        told.shop.rows = sound.copy()
        told.shop.save()
        told.refresh()
        told.look()
    assert told.titles == ["pricecast: 1 new", "pricecast: 1 resolved"]


def test_a_receiver_that_is_down_gets_every_message_in_order_once_it_is_up(told: Told) -> None:
    told.receiver.status = 503
    told.shop.ruin("SKU0001")
    told.refresh()
    failed = told.look().delivered.failed
    assert list(failed.values()) == ["The receiver answered 503 Service Unavailable."]
    told.shop.ruin("SKU0002")
    told.refresh()
    told.look()  # a second message; it waits behind the first one
    with told.shop.context().database.read() as connection:
        waiting = letters.undelivered(connection)
    assert [(letter.digest_id, letter.attempts) for letter in waiting] == [(1, told.receiver.attempts), (2, 0)]
    assert waiting[0].error == "The receiver answered 503 Service Unavailable."

    told.receiver.status = 200
    told.wait(hours=1)
    assert told.look().delivered.sent == 2
    assert [message["id"] for message in told.receiver.got] == ["pricecast-1", "pricecast-2"]
    with told.shop.context().database.read() as connection:
        assert letters.counts(connection)[DeliveryStatus.DELIVERED] == 2


def test_a_letter_is_given_up_after_a_week_kept_on_record_and_can_be_sent_again(told: Told) -> None:
    told.receiver.status = 500
    told.shop.ruin("SKU0001")
    told.refresh()
    told.look()
    told.wait(days=8)
    told.settings(alert_silence_hours=1000, check_source_days=1000)
    assert told.look().delivered.given_up == 1
    told.receiver.status = 200
    told.wait(days=1)
    assert told.look().delivered.sent == 0
    assert alerting.send_again(told.shop.context()) == 1
    assert told.look().delivered.sent == 1
    assert told.titles == ["pricecast: 1 new"]


def test_two_passes_at_once_tell_the_same_thing_once(told: Told) -> None:
    told.shop.ruin("SKU0001")
    told.refresh()
    told.shop.clock.step = timedelta()  # eight passes within one moment; at a minute a look their claims would end
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: told.look(), range(8)))
    assert told.titles == ["pricecast: 1 new"]
    assert told.receiver.attempts == 1


def test_a_sender_that_died_with_a_letter_in_hand_leaves_it_to_the_next_once_its_claim_has_ended(told: Told) -> None:
    told.shop.ruin("SKU0001")
    told.refresh()
    told.receiver.status = 500
    told.look()
    told.receiver.status = 200
    told.wait(hours=1)
    context = told.shop.context()
    with context.database.write() as connection:
        letter = letters.undelivered(connection)[0]
        claimed_until = context.clock() + timedelta(minutes=30)
        assert letters.take(connection, letter, claimed_until)
        assert not letters.take(connection, letter, claimed_until)
    assert told.look().delivered.sent == 0
    told.wait(hours=1)
    assert told.look().delivered.sent == 1


def test_without_a_receiver_alerts_are_kept_and_told_to_the_first_one_there_is(told: Told) -> None:
    url = told.receiver.url
    told.settings(alert_webhooks=[])
    told.shop.ruin("SKU0001")
    told.refresh()
    assert told.look().title is None
    with told.shop.context().database.read() as connection:
        assert [one.subject for one in alerts.present(connection)] == ["failed:SKU0001"]
    told.settings(alert_webhooks=[url])
    told.look()
    assert told.titles == ["pricecast: 1 new"]


def test_each_receiver_gets_its_own_copy_whatever_becomes_of_the_others(told: Told) -> None:
    told.shop.ruin("SKU0001")
    told.refresh()
    with http_receiver() as other:
        told.settings(alert_webhooks=[told.receiver.url, other.url])
        told.receiver.status = 500
        told.look()
        assert [message["title"] for message in other.got] == ["pricecast: 1 new"]
        told.receiver.status = 200
        told.wait(minutes=5)
        told.look()
        assert told.titles == ["pricecast: 1 new"]
        assert len(other.got) == 1


def test_a_source_that_is_gone_is_told_and_its_return_too(told: Told) -> None:
    told.settings(check_source_days=1000)
    told.refresh()
    hidden = told.shop.file.rename(told.shop.folder / "hidden.csv")
    told.look()
    assert "cannot be looked at" in told.receiver.got[0]["new"][0]["told"]
    hidden.rename(told.shop.file)
    told.look()
    assert told.titles == ["pricecast: 1 new", "pricecast: 1 resolved"]


def test_a_source_without_news_for_days_is_a_warning_that_names_the_day(told: Told) -> None:
    told.shop.refresh()
    told.look()
    assert told.titles == []
    told.wait(days=4)
    told.look()
    finding = told.receiver.got[0]["new"][0]
    assert (finding["kind"], finding["severity"]) == ("source", "warning")
    assert "2026-05-30" in finding["told"]


def test_what_the_monitor_found_is_told_with_its_figures(told: Told) -> None:
    told.refresh()
    context = told.shop.context()
    with context.database.write() as connection:
        monitor_results.record(
            connection,
            [
                MonitorResult("SKU0001", "accuracy", "twice the naive's error", {"ratio": 2.0}, context.clock()),
                MonitorResult("SKU0002", "accuracy", "ok", {"ratio": 0.8}, context.clock()),
            ],
        )
    told.look()
    (finding,) = told.receiver.got[0]["new"]
    assert (finding["sku"], finding["evidence"]) == ("SKU0001", {"ratio": 2.0})
    assert "twice the naive's error" in finding["told"]


def test_only_what_is_grave_enough_is_told(told: Told) -> None:
    told.settings(alert_severity="error")
    told.shop.refresh()
    told.wait(days=10)
    told.look()
    assert told.titles == []
    with told.shop.context().database.read() as connection:
        assert [one.kind for one in alerts.present(connection)] == ["source"]


def test_no_secret_is_stored_or_shown(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    told.receiver.status = 302
    told.shop.ruin("SKU0001")
    told.refresh()
    context = told.shop.context()
    passed = alerting.run(context)
    with context.database.read() as connection:
        stored = [repr(letter) for letter in letters.undelivered(connection)]
    assert "302" in stored[0]
    assert SECRET not in repr(passed) + "".join(stored) + caplog.text + repr(context.settings)


def test_without_a_database_a_look_says_so(told: Told) -> None:
    context = told.shop.context()
    if context.database.kind != "sqlite":
        pytest.skip("a file is easier to take away; the API's tests stop a PostgreSQL")
    context.database.close()
    file = told.shop.folder / "database" / "pricecast.db"
    file.unlink()
    file.mkdir()
    with pytest.raises(DatabaseUnavailableError):
        alerting.run(context)


def test_maintenance_forgets_what_was_resolved_long_ago_and_its_messages(told: Told) -> None:
    sound = told.shop.rows.copy()
    told.settings(check_source_days=10_000)
    told.shop.ruin("SKU0001")
    told.refresh()
    told.look()
    told.shop.rows = sound
    told.shop.save()
    told.shop.ruin("SKU0002")
    told.refresh()
    told.look()
    told.wait(days=told.shop.settings.keep_monitor_days + 1)

    def surplus(found: list[maintenance.Surplus]) -> dict[str, int]:
        return {one.what: one.count for one in found if "alerts" in one.what}

    context = told.shop.context()
    assert surplus(maintenance.examine(context)) == {"alerts that were resolved": 1, "digests of alerts": 2}
    assert surplus(maintenance.clear(context)) == {"alerts that were resolved": 1, "digests of alerts": 2}
    assert surplus(maintenance.examine(context)) == {"alerts that were resolved": 0, "digests of alerts": 0}
    with context.database.read() as connection:
        assert [one.subject for one in alerts.present(connection)] == ["failed:SKU0002"]
        assert letters.undelivered(connection) == []
