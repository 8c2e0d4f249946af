"""Real receivers: what arrives by HTTP and by mail, and what is said of those that are down, without their secrets."""

import logging

import pytest

from pricecast_dagster.errors import AlertError, SettingsError
from pricecast_dagster.operations import alerting
from pricecast_dagster.operations.receivers import REPORT_NAME, receivers, without_secrets
from pricecast_dagster.settings import load_settings
from pricecast_dagster.storage import monitor_results
from pricecast_dagster.storage.monitor_results import MonitorResult
from pricecast_dagster_tests.alerts.conftest import Told
from pricecast_dagster_tests.alerts.receivers import SECRET, free_port, mail_receiver, text_of

CONTENT = {"id": "pricecast-1", "title": "pricecast: 1 new", "severity": "error", "text": "New (1)\n- açúcar failed"}


def test_a_digest_that_tells_of_the_monitor_is_mailed_with_the_report(told: Told) -> None:
    told.refresh()
    context = told.shop.context()
    with context.database.write() as connection:
        result = MonitorResult("SKU0001", "accuracy", "off by twice the last price", {}, context.clock())
        monitor_results.record(connection, [result])
    with mail_receiver() as mail:
        told.settings(alert_webhooks=[], alert_targets=[mail.url])
        assert told.look().delivered.sent == 1
        (message,) = mail.got
    assert message["Subject"] == "pricecast: 1 new"
    assert message["To"] == "analysts@shop.example"
    assert "- [warning] SKU0001: accuracy: off by twice the last price" in text_of(message)
    (attached,) = [part for part in message.walk() if part.get_filename()]
    assert attached.get_filename() == REPORT_NAME
    payload = attached.get_payload(decode=True)
    assert isinstance(payload, bytes) and b"off by twice the last price" in payload


def test_a_digest_without_the_monitor_is_mailed_alone_and_its_end_too(told: Told) -> None:
    sound = told.shop.rows.copy()
    told.shop.ruin("SKU0001")
    told.refresh()
    with mail_receiver() as mail:
        told.settings(alert_webhooks=[], alert_targets=[mail.url])
        told.look()
        told.shop.rows = sound
        told.shop.save()
        told.refresh()
        told.look()
    assert [message["Subject"] for message in mail.got] == ["pricecast: 1 new", "pricecast: 1 resolved"]
    assert not [part for message in mail.got for part in message.walk() if part.get_filename()]


def test_a_mail_server_that_is_down_is_said_and_gets_the_mail_when_it_is_up(told: Told) -> None:
    told.shop.ruin("SKU0001")
    told.refresh()
    with mail_receiver() as mail:
        up = mail.url
    told.settings(alert_webhooks=[], alert_targets=[up])
    (error,) = told.look().delivered.failed.values()
    assert "Connection error" in error
    told.wait(hours=1)
    with mail_receiver(mail.port) as again:
        assert told.look().delivered.sent == 1
        assert [message["Subject"] for message in again.got] == ["pricecast: 1 new"]


@pytest.mark.parametrize(
    "address", ["mailto://somebody:{secret}@127.0.0.1:{port}?from=a@b.example&to=c@d.example", "json://127.0.0.1:{port}/{secret}"]
)
def test_no_part_of_an_address_but_the_host_is_told_when_it_is_down(address: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    url = address.format(secret=SECRET, port=free_port())
    (receiver,) = receivers(load_settings(alert_targets=[url]))
    with pytest.raises(AlertError) as refused:
        receiver.send(CONTENT, None)
    assert SECRET not in str(refused.value) + receiver.name + caplog.text
    assert "127.0.0.1" in str(refused.value)


def test_secrets_are_taken_out_of_any_text() -> None:
    url = "https://user:pa%20ssword@hooks.example.com/services/T0KEN/deadbeef?key=s3cr3t"
    told = without_secrets(f"cannot reach {url}: pa ssword, T0KEN, s3cr3t at hooks.example.com", url)
    assert told == "cannot reach ***: ***, ***, *** at hooks.example.com"


@pytest.mark.parametrize(
    ("setting", "address"),
    [("alert_webhooks", "ftp://hidden.example/x"), ("alert_webhooks", "hidden"), ("alert_targets", "hidden://nothing")],
)
def test_an_address_that_cannot_be_used_is_refused_by_its_number_and_not_shown(setting: str, address: str) -> None:
    with pytest.raises(SettingsError, match="number 1") as refused:
        receivers(load_settings(**{setting: [address]}))
    assert "hidden" not in str(refused.value)


def test_a_word_can_be_sent_to_every_receiver_to_try_them(told: Told) -> None:
    with mail_receiver() as mail:
        told.settings(alert_targets=[mail.url])
        answers = alerting.try_out(told.shop.context())
    assert list(answers.values()) == [None, None]
    assert told.titles == ["pricecast: a test"]
    assert len(mail.got) == 1
