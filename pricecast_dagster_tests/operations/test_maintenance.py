"""Retention over our own stores: what goes, and above all what does not."""

import os
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from pricecast_dagster.errors import UnknownVersionError
from pricecast_dagster.operations.maintenance import clear, examine
from pricecast_dagster.schemas import Stage
from pricecast_dagster.stages.bundles import load_model
from pricecast_dagster.stages.context import StageContext, open_context
from pricecast_dagster.storage import forecasts, ingests, monitor_results, products, registry, retention, states, trials
from pricecast_dagster.storage.monitor_results import MonitorResult
from pricecast_dagster.storage.trials import Role, Trial, TrialStatus
from pricecast_dagster_tests.shop import Shop, open_shop

AWAY = timedelta(days=500)
DAYS = (date(2026, 6, 1), date(2026, 6, 15))


@pytest.fixture
def shop(tmp_path: Path, database_url: str) -> Shop:
    """Two products, one of them with a past: five days came one by one."""
    shop = open_shop(tmp_path, products=2, days=80, database_url=database_url, keep_versions=2)
    shop.refresh()
    for _ in range(4):
        shop.clock.now += timedelta(days=1)
        shop.append_day(["SKU0001"])
        shop.refresh()
    return shop


def later(shop: Shop, after: timedelta = AWAY) -> StageContext:
    """The stores as a pass sees them so much later; file times are those of this machine."""
    moment = max(datetime.now(UTC), shop.clock.now) + after
    return open_context(shop.settings, clock=lambda: moment)


def counts(found: Callable[[StageContext], list], context: StageContext) -> dict[str, int]:
    return {surplus.what: surplus.count for surplus in found(context) if surplus.count}


def test_looking_changes_nothing_and_tells_what_clearing_then_gives_up(shop: Shop) -> None:
    context = later(shop)
    seen = counts(examine, context)
    assert seen == {"past forecasts": 4, "superseded rows": 2, "reads of the source": 4}
    assert counts(examine, context) == seen
    assert counts(clear, context) == seen
    assert counts(examine, context) == {}


def test_what_is_in_force_or_referred_to_survives_any_age(shop: Shop) -> None:
    context = later(shop)
    before = shop.context()
    with before.database.read() as connection:
        held, kept = states.read_states(connection), retention.kept(connection)
        answers = forecasts.currents(connection, ["SKU0001", "SKU0002"])
    clear(context)
    with context.database.read() as connection:
        assert states.read_states(connection) == held
        assert retention.kept(connection) == kept
        assert forecasts.currents(connection, ["SKU0001", "SKU0002"]) == answers
    for version in kept:
        load_model(context, version.sku, version.version)
        context.frames.read(Stage.RAW_HISTORY, version.sku, version.history_version)
    for (sku, stage), state in held.items():
        if stage in (Stage.RAW_HISTORY, Stage.FEATURE_TABLE):
            assert state.data_version is not None
            context.frames.read(stage, sku, state.data_version)
    assert not any(outcome.status == "fresh" for outcome in shop.refresh(source="never").outcomes)


def test_model_versions_past_the_keep_count_go_with_their_files(shop: Shop) -> None:
    context = open_context(shop.settings.model_copy(update={"keep_versions": 1}), clock=shop.clock)
    with context.database.read() as connection:
        doomed = retention.superseded(connection, ["SKU0001"], 1)
    assert len(doomed) == 1
    assert counts(clear, context)["model versions"] == 1
    with pytest.raises(UnknownVersionError):
        load_model(context, "SKU0001", doomed[0].version)


def test_a_version_that_the_forecast_in_force_was_made_with_stays_though_it_is_no_champion(shop: Shop) -> None:
    with shop.context().database.write() as connection:
        oldest = retention.kept(connection, ["SKU0001"])[0]
        registry.promote(connection, "SKU0001", oldest.version, shop.clock())
    context = open_context(shop.settings.model_copy(update={"keep_versions": 1}), clock=shop.clock)
    with context.database.read() as connection:
        answering = forecasts.current(connection, "SKU0001").model_version
    clear(context)
    assert answering is not None and answering != oldest.version
    for version in (oldest.version, answering):
        load_model(context, "SKU0001", version)


def test_files_of_a_run_that_has_not_committed_are_left_alone_until_they_are_a_day_old(shop: Shop) -> None:
    context = shop.context()
    frame = context.frames.read(Stage.FEATURE_TABLE, "SKU0002", in_force(context, Stage.FEATURE_TABLE, "SKU0002"))
    context.frames.write(Stage.FEATURE_TABLE, "SKU0002", "underway", frame)
    context.artifacts.save("SKU0002", "20990101T000000Z", {"A": "tree"}, {}, {})
    now = open_context(shop.settings, clock=lambda: datetime.now(UTC))
    assert "files of feature_table" not in counts(clear, now)
    context.frames.read(Stage.FEATURE_TABLE, "SKU0002", "underway")
    assert {"files of feature_table": 1, "model folders": 1}.items() <= counts(clear, later(shop, timedelta(days=2))).items()
    with pytest.raises(UnknownVersionError):
        context.artifacts.load("SKU0002", "20990101T000000Z")


def test_a_product_that_is_gone_is_kept_for_its_time_and_then_given_up_whole(shop: Shop) -> None:
    shop.drop("SKU0001")
    shop.refresh()
    assert "products that are gone" not in counts(clear, later(shop, timedelta(days=100)))
    with shop.context().database.read() as connection:
        assert retention.kept(connection, ["SKU0001"])
    context = later(shop)
    assert counts(examine, context)["products that are gone"] == 1
    clear(context)
    assert "products that are gone" not in counts(examine, context)
    with context.database.read() as connection:
        assert retention.kept(connection, ["SKU0001"]) == []
        assert forecasts.of_sku(connection, "SKU0001") == []
        assert states.read_states(connection, ["SKU0001"]) == {}
        assert products.get(connection, "SKU0001").removed_at is not None
        assert registry.versions(connection, "SKU0001")  # what there was stays on record
    assert not list(Path(shop.settings.home).glob("models/*/SKU0001/*/*"))


def test_reads_go_after_their_time_but_for_those_that_rows_in_force_came_from(shop: Shop) -> None:
    shop.rows.loc[0, "price"] = -1.0
    shop.save()
    shop.refresh()
    context = later(shop)
    with context.database.read() as connection:
        last = ingests.last_finished(connection)
    clear(context)
    assert last is not None
    with context.database.read() as connection:
        assert ingests.known(connection) == {last.id}
    assert len(context.frames.read_rejected(last.id)) == 1


def test_rejected_rows_of_forgotten_reads_go(shop: Shop) -> None:
    for price in (-1.0, -2.0):
        shop.clock.now += timedelta(days=1)
        shop.rows.loc[0, "price"] = price
        shop.append_day(["SKU0002"])
        shop.refresh()
    assert counts(clear, later(shop))["files of rejected rows"] == 1


def test_old_results_of_the_monitor_go(shop: Shop) -> None:
    with shop.context().database.write() as connection:
        monitor_results.record(connection, [MonitorResult("SKU0001", "drift", "ok", {}, shop.clock())])
        begun = Trial("SKU0001", Role.CHALLENGER, "20260101T000000Z", "20260102T000000Z", "a trial", *DAYS, shop.clock())
        trials.begin(connection, [begun])
        trials.end(connection, trials.listed(connection)[0].id, TrialStatus.KEPT, "no better", {}, shop.clock())
    context = later(shop, timedelta(days=1000))
    gone = {"monitor results": 1, "trials that ended": 1}
    assert gone.items() <= counts(examine, context).items()
    assert gone.items() <= counts(examine, context).items()
    assert gone.items() <= counts(clear, context).items()
    assert not gone.keys() & counts(clear, context).keys()


def test_a_version_on_an_open_trial_stays_whatever_its_age(shop: Shop) -> None:
    with shop.context().database.write() as connection:
        oldest = retention.kept(connection, ["SKU0001"])[0]
        begun = Trial("SKU0001", Role.CHALLENGER, oldest.version, "20260102T000000Z", "a trial", *DAYS, shop.clock())
        trials.begin(connection, [begun])
    clear(open_context(shop.settings.model_copy(update={"keep_versions": 1}), clock=shop.clock))
    load_model(shop.context(), "SKU0001", oldest.version)


def test_a_file_that_a_run_writes_anew_while_it_is_about_to_be_put_away_stays(shop: Shop) -> None:
    context = shop.context()
    frame = context.frames.read(Stage.FEATURE_TABLE, "SKU0002", in_force(context, Stage.FEATURE_TABLE, "SKU0002"))
    context.frames.write(Stage.FEATURE_TABLE, "SKU0002", "again", frame)
    (file,) = Path(shop.settings.home).rglob("again.parquet")
    long_ago = (datetime.now(UTC) - timedelta(days=9)).timestamp()
    os.utime(file, (long_ago, long_ago))
    before = datetime.now(UTC) - timedelta(days=1)
    found = context.frames.stray(Stage.FEATURE_TABLE, {}, before)
    assert len(found) == 1
    context.frames.stray = lambda *_: found  # type: ignore[method-assign] # it has looked; now the run writes
    context.frames.write(Stage.FEATURE_TABLE, "SKU0002", "again", frame)
    assert context.frames.tidy(Stage.FEATURE_TABLE, {}, before) == 0


def in_force(context: StageContext, stage: Stage, sku: str) -> str:
    with context.database.read() as connection:
        return states.in_force(connection, stage)[sku]
