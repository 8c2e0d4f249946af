"""The pooled member in the platform: its version is an input of exactly those models that have it."""

from pathlib import Path

import pytest

from pricecast_dagster.errors import NoUsableHistoryError, StorageError
from pricecast_dagster.forecasting.recipe import POOLED
from pricecast_dagster.operations import lineage
from pricecast_dagster.operations.doctor import Finding, Level, examine
from pricecast_dagster.operations.maintenance import clear
from pricecast_dagster.operations.pooling import pool, pool_if_due
from pricecast_dagster.operations.reproducing import reproduce
from pricecast_dagster.schemas import Stage
from pricecast_dagster.stages.bundles import load_model
from pricecast_dagster.stages.outcome import Report, Status
from pricecast_dagster.stages.shared import codes_in_force
from pricecast_dagster.storage import pooled_models, registry, states
from pricecast_dagster.storage.files import Files
from pricecast_dagster.storage.staleness import POOLED_CHANGED, SETTINGS_CHANGED
from pricecast_dagster_tests.shop import Shop, open_shop

PRODUCTS = 3


@pytest.fixture
def shop(tmp_path: Path, database_url: str) -> Shop:
    return open_shop(tmp_path, products=PRODUCTS, database_url=database_url, members=[POOLED])


@pytest.fixture
def plain_shop(tmp_path: Path) -> Shop:
    """On SQLite alone: nothing of what is tested on it asks the database for more than a row."""
    return open_shop(tmp_path, products=PRODUCTS, members=[POOLED])


def why_due(shop: Shop) -> dict[str, tuple[Stage, str]]:
    context = shop.context()
    codes = codes_in_force(context.database, context.settings, context.calendar)
    with context.database.read() as connection:
        return {item.sku: (item.stage, item.reason) for item in states.out_of_date(connection, codes, None)}


def computed(report: Report) -> set[tuple[str, Stage]]:
    assert report.failed == ()
    return {(one.sku, one.stage) for one in report.outcomes if one.status is not Status.UNCHANGED}


def champions(shop: Shop) -> dict[str, registry.ModelVersion]:
    with shop.context().database.read() as connection:
        return registry.champions(connection)


def found_by_doctor(shop: Shop) -> list[Finding]:
    return [finding for finding in examine(shop.settings) if finding.check == "pooled"]


def test_a_new_pooled_model_makes_exactly_the_models_with_the_member_out_of_date(shop: Shop) -> None:
    shop.refresh()
    assert all(POOLED not in row.facts["member_errors"] for row in champions(shop).values())
    assert [finding.level for finding in found_by_doctor(shop)] == [Level.WARNING]
    first = pool(shop.context())
    assert (first.changed, first.used) == (True, True)
    assert set(why_due(shop).values()) == {(Stage.PRICE_MODEL, POOLED_CHANGED)}
    assert len(why_due(shop)) == PRODUCTS
    report = shop.refresh()
    assert {stage for _, stage in computed(report)} == {Stage.PRICE_MODEL, Stage.FORECAST}
    assert {one.reason for one in report.outcomes if one.stage is Stage.PRICE_MODEL} == {POOLED_CHANGED}
    for row in champions(shop).values():
        assert row.facts[POOLED] == first.model.version
        assert POOLED in row.facts["member_errors"]
    assert shop.refresh().outcomes == ()
    # By the shop's clock it was made months ago.
    assert [(finding.level, first.model.version in finding.told) for finding in found_by_doctor(shop)] == [(Level.WARNING, True)]
    told = lineage.why(shop.context(), "SKU0001").pooled
    assert told is not None and told.version == first.model.version

    again = pool(shop.context())
    assert not again.changed and again.model == first.model and why_due(shop) == {}

    shop.append_day(["SKU0001"])
    assert {sku for sku, _ in computed(shop.refresh())} == {"SKU0001"}
    second = pool(shop.context())
    assert second.model.version != first.model.version
    assert {reason for _, reason in why_due(shop).values()} == {POOLED_CHANGED}
    assert len({sku for sku, _ in computed(shop.refresh())}) == PRODUCTS
    for sku, row in champions(shop).items():
        made = reproduce(shop.context(), sku)
        assert made.forecast.identical and made.model is not None and made.model.identical, (made.model, row.version)


def test_without_the_member_a_pooled_model_changes_nothing(tmp_path: Path, database_url: str) -> None:
    without = open_shop(tmp_path, products=PRODUCTS, database_url=database_url)
    without.refresh()
    before = champions(without)
    made = pool(without.context())
    assert made.changed and not made.used
    assert why_due(without) == {} and without.refresh().outcomes == ()
    assert champions(without) == before
    assert found_by_doctor(without) == []
    assert lineage.why(without.context(), "SKU0001").pooled is None
    # Switched on, it is the setting that has changed, and the pooled model comes with it.
    asked = open_shop(tmp_path, products=PRODUCTS, database_url=database_url, members=[POOLED])
    assert {reason for _, reason in why_due(asked).values()} == {SETTINGS_CHANGED}
    asked.refresh()
    assert {row.facts[POOLED] for row in champions(asked).values()} == {made.model.version}
    without.refresh()
    assert all(POOLED not in row.facts for row in champions(without).values())


def test_models_are_the_same_bytes_alone_and_in_a_batch_given_the_same_pooled_model(plain_shop: Shop, tmp_path: Path) -> None:
    shop = plain_shop
    shop.refresh(stages=frozenset({Stage.RAW_HISTORY, Stage.FEATURE_TABLE}))
    pool(shop.context())
    shop.refresh(stages=frozenset({Stage.PRICE_MODEL}))
    together = {sku: load_model(shop.context(), sku, row.version) for sku, row in champions(shop).items()}
    alone_shop = open_shop(tmp_path / "alone", products=PRODUCTS, members=[POOLED])
    alone_shop.refresh(stages=frozenset({Stage.RAW_HISTORY, Stage.FEATURE_TABLE}))
    assert pool(alone_shop.context()).model.version == champions(shop)["SKU0001"].facts[POOLED]
    for sku, model in together.items():
        alone_shop.refresh(skus=(sku,), stages=frozenset({Stage.PRICE_MODEL}))
        alone = load_model(alone_shop.context(), sku, champions(alone_shop)[sku].version)
        assert alone.texts == model.texts and alone.facts == model.facts
        assert {name: array.tobytes() for name, array in alone.arrays.items()} == {
            name: array.tobytes() for name, array in model.arrays.items()
        }


def test_a_lost_file_stops_the_training_and_pool_brings_it_back(plain_shop: Shop) -> None:
    shop = plain_shop
    shop.refresh()
    made = pool(shop.context())
    files = Files(shop.settings.home)
    pooled_models.delete_files(files, [made.model.version])
    with pytest.raises(StorageError, match="is not there") as raised:
        shop.refresh()
    assert "pricecast pool" in raised.value.remedy
    assert [finding.level for finding in found_by_doctor(shop)] == [Level.FAILED]
    again = pool(shop.context())
    assert again.model.version == made.model.version and not again.changed
    assert len({sku for sku, _ in computed(shop.refresh())}) == PRODUCTS


def test_without_rows_there_is_nothing_to_pool(plain_shop: Shop) -> None:
    with pytest.raises(NoUsableHistoryError):
        pool(plain_shop.context())


def test_maintenance_makes_one_when_it_is_due_and_gives_up_what_nothing_refers_to(tmp_path: Path, database_url: str) -> None:
    off = open_shop(tmp_path, products=PRODUCTS, database_url=database_url, members=[POOLED])
    assert pool_if_due(off.context()) is None
    shop = open_shop(tmp_path, products=PRODUCTS, database_url=database_url, members=[POOLED], pool_days=28)
    assert pool_if_due(shop.context()) is None
    shop.refresh(stages=frozenset({Stage.RAW_HISTORY}))
    first = pool_if_due(shop.context())
    assert first is not None and first.changed
    assert pool_if_due(shop.context()) is None
    shop.append_day(["SKU0001"])
    shop.refresh(stages=frozenset({Stage.RAW_HISTORY}))
    shop.clock.now += shop.clock.step * 60 * 24 * 29
    second = pool_if_due(shop.context())
    assert second is not None and second.model.version != first.model.version
    given_up = {surplus.what: surplus.count for surplus in clear(shop.context())}
    assert given_up["pooled models"] == 1
    with shop.context().database.read() as connection:
        assert pooled_models.superseded(connection, ()) == []
        assert pooled_models.in_force(connection) == second.model
    assert pooled_models.load(Files(shop.settings.home), second.model.version, second.model.sha256).texts
