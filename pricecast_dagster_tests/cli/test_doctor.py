"""`doctor`: what it finds, and what it says to do."""

from pathlib import Path

import pytest

from pricecast_dagster.operations import doctor
from pricecast_dagster_tests.cli.conftest import Pricecast
from pricecast_dagster_tests.shop import Shop


@pytest.fixture(autouse=True)
def _no_dagster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRICECAST_DAGSTER_URL", "http://127.0.0.1:1")


def lines(told: str, check: str) -> str:
    return next(line for line in told.splitlines() if line.split()[1:2] == [check])


def test_a_fresh_installation_is_told_what_is_left_to_do(shop: Shop, pricecast: Pricecast) -> None:
    told = pricecast("doctor").stdout
    for check in ("versions", "home", "database", "source"):
        assert lines(told, check).startswith("ok")
    assert lines(told, "results").startswith("warning")
    assert "Run `pricecast refresh`." in told
    assert lines(told, "dagster").startswith("warning")
    assert "pricecast up" in told


def test_after_a_refresh_all_is_well_and_failed_products_are_named(shop: Shop, pricecast: Pricecast) -> None:
    pricecast("refresh")
    assert lines(pricecast("doctor").stdout, "results").startswith("ok")
    names = shop.rows[["sku"]].drop_duplicates().assign(name="", category="")
    names.to_csv(shop.file.with_name("products.csv"), index=False)
    bad = str(names["sku"].iloc[0])
    shop.rows.loc[shop.rows["sku"] == bad, "price"] = 0.0
    shop.save()
    pricecast("refresh", ends_with=1)
    assert f"1 products failed: {bad}" in pricecast("doctor").stdout


def test_a_source_that_is_not_there_fails_and_the_other_checks_are_made_all_the_same(shop: Shop, pricecast: Pricecast) -> None:
    shop.file.unlink()
    told = pricecast("doctor", ends_with=1).stdout
    assert lines(told, "source").startswith("failed")
    assert "Check PRICECAST_SOURCE." in told
    assert lines(told, "database").startswith("ok")


def test_a_database_that_does_not_answer_fails_without_its_password(
    shop: Shop, pricecast: Pricecast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRICECAST_DATABASE_URL", "postgresql://someone:hidden@127.0.0.1:1/none")
    told = pricecast("doctor", ends_with=1).output
    assert lines(told, "database").startswith("failed")
    assert "hidden" not in told


def test_a_damaged_database_is_told_and_the_other_checks_are_made_all_the_same(shop: Shop, pricecast: Pricecast) -> None:
    home = Path(shop.settings.home)
    home.mkdir()
    (home / "pricecast.db").write_bytes(b"no database" * 10_000)
    told = pricecast("doctor", ends_with=1).stdout
    assert lines(told, "database").startswith("failed")
    assert "is damaged: file is not a database" in told
    assert "pricecast restore" in told
    assert lines(told, "source").startswith("ok")
    refused = pricecast("refresh", ends_with=1).stderr
    assert "is damaged" in refused
    assert "Next: " in refused


def test_a_home_that_cannot_be_written_fails(shop: Shop, pricecast: Pricecast, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("taken").write_text("")
    monkeypatch.setenv("PRICECAST_HOME", "taken/home")
    monkeypatch.setenv("PRICECAST_DATABASE_URL", "sqlite:///elsewhere.db")
    told = pricecast("doctor", ends_with=1).stdout
    assert lines(told, "home").startswith("failed")
    assert "PRICECAST_HOME" in told


def test_many_products_on_sqlite_are_a_warning(shop: Shop, pricecast: Pricecast, monkeypatch: pytest.MonkeyPatch) -> None:
    pricecast("ingest")
    monkeypatch.setattr(doctor, "SQLITE_PRODUCTS", 2)
    told = pricecast("doctor").stdout
    assert lines(told, "database").startswith("warning")
    assert "PRICECAST_DATABASE_URL" in told


def test_every_setting_is_shown_and_tokens_are_counted_only(
    shop: Shop, pricecast: Pricecast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRICECAST_API_TOKENS", '["hidden"]')
    told = pricecast("doctor").output
    assert "PRICECAST_TRIALS" in told
    assert "1 set" in told
    assert "hidden" not in told


def test_a_variable_that_is_no_setting_is_a_warning_with_the_nearest_name(
    shop: Shop, pricecast: Pricecast, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lines(pricecast("doctor").stdout, "settings").startswith("ok")
    monkeypatch.setenv("PRICECAST_TRIAL", "5")
    monkeypatch.setenv("PRICECAST_SOMETHING_ELSE", "1")
    told = pricecast("doctor").stdout
    assert lines(told, "settings").startswith("warning")
    assert "PRICECAST_TRIAL is set, and is no setting" in told
    assert "Is PRICECAST_TRIALS meant?" in told
    assert "PRICECAST_SOMETHING_ELSE is set" in told


@pytest.mark.parametrize("name", ["SCAN", "MAINTENANCE", "MONITOR"])
def test_a_schedule_that_is_no_cron_line_is_a_wrong_setting(
    name: str, shop: Shop, pricecast: Pricecast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"PRICECAST_{name}_SCHEDULE", "junk")
    told = pricecast("doctor", ends_with=2).stderr
    assert f"PRICECAST_{name}_SCHEDULE" in told
    assert "'junk' is no cron line" in told
