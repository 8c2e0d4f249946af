"""A lost or damaged file concerns its own product alone, and is made again where it is next needed."""

from pathlib import Path

import pytest

from pricecast_dagster.operations import batches
from pricecast_dagster.schemas import Stage
from pricecast_dagster.stages import refresh
from pricecast_dagster.stages.context import open_context
from pricecast_dagster.stages.outcome import Outcome, Report, Status
from pricecast_dagster.stages.plan import Plan
from pricecast_dagster.storage import forecasts, registry
from pricecast_dagster_tests.shop import Shop, open_shop

VICTIM = "SKU0002"
EVERYBODY = ["SKU0001", "SKU0002", "SKU0003"]


@pytest.fixture
def shop(tmp_path: Path, database_url: str) -> Shop:
    """Three products, all fresh; trained without tuning, which is beside the point."""
    shop = open_shop(tmp_path, products=3, database_url=database_url)
    shop.refresh(optimize="never")
    return shop


def files(shop: Shop, below: str, name: str) -> list[Path]:
    found = [path for path in (Path(shop.settings.home) / below).rglob(name) if VICTIM in str(path)]
    assert found
    return found


def damage(shop: Shop, below: str, name: str) -> None:
    for path in files(shop, below, name):
        path.write_bytes(b"{}")


def remove(shop: Shop, below: str, name: str) -> None:
    for path in files(shop, below, name):
        path.unlink()


def by_sku(report: Report, stage: Stage) -> dict[str, Outcome]:
    return {outcome.sku: outcome for outcome in report.outcomes if outcome.stage is stage}


def with_another_horizon(shop: Shop) -> Report:
    """All forecasts are out of date, and nothing else."""
    shop.settings = shop.settings.model_copy(update={"horizon_days": 21})
    return shop.refresh(optimize="never")


def answers(shop: Shop) -> dict[str, str]:
    with shop.context().database.read() as connection:
        return {sku: forecast.model_used for sku, forecast in forecasts.currents(connection, EVERYBODY).items()}


@pytest.mark.parametrize("name", ["metadata.json", "arrays.npz"])
def test_a_damaged_champion_is_made_again_by_its_recipe_with_the_next_rows(shop: Shop, name: str) -> None:
    damage(shop, "models", name)
    shop.append_day(EVERYBODY)
    report = shop.refresh()
    assert report.failed == ()
    assert {outcome.status for outcome in report.outcomes} == {Status.FRESH}
    context = shop.context()
    with context.database.read() as connection:
        champions = registry.champions(connection)
    assert "its files could not be read" in champions[VICTIM].decision
    assert all("could not be read" not in champions[sku].decision for sku in EVERYBODY if sku != VICTIM)
    assert all(context.artifacts.load(sku, row.version) for sku, row in champions.items())


def test_where_a_forecast_needs_a_damaged_model_a_simple_method_answers_until_it_is_trained(shop: Shop) -> None:
    damage(shop, "models", "metadata.json")
    report = with_another_horizon(shop)
    assert report.failed == ()
    told = str(by_sku(report, Stage.FORECAST)[VICTIM].metadata["why_a_simple_method"])
    assert "cannot be read" in told and f"pricecast train --sku {VICTIM}" in told
    assert [sku for sku, name in answers(shop).items() if not name.startswith("LightGBM")] == [VICTIM]
    asked = Plan((VICTIM,), stages=frozenset({Stage.PRICE_MODEL}), only_stale=False, optimize="never", source="never")
    assert refresh.run(shop.context(), asked).failed == ()
    assert list(by_sku(shop.refresh(), Stage.FORECAST)) == [VICTIM]
    assert all(name.startswith("LightGBM") for name in answers(shop).values())


@pytest.mark.parametrize("hurt", [damage, remove])
def test_lost_rows_fail_their_product_alone_and_once_and_come_back_from_the_source(shop: Shop, hurt) -> None:
    hurt(shop, "frames/raw_history", "*.parquet")
    report = with_another_horizon(shop)
    (failed,) = report.failed
    assert (failed.sku, failed.stage) == (VICTIM, Stage.FORECAST)
    assert f"`pricecast ingest --sku {VICTIM}`" in str(failed.error)
    assert {sku for sku, one in by_sku(report, Stage.FORECAST).items() if one.status is Status.FRESH} == {"SKU0001", "SKU0003"}
    assert shop.refresh().outcomes == ()
    ingested = batches.ingest(shop.context(), (VICTIM,), None)
    assert [(one.sku, one.status, one.reason) for one in ingested.outcomes] == [
        (VICTIM, Status.FRESH, "its stored rows could not be read")
    ]
    report = shop.refresh(optimize="never")
    assert report.failed == ()
    assert by_sku(report, Stage.FORECAST)[VICTIM].status is Status.FRESH
    assert shop.refresh().outcomes == ()


def test_lost_features_are_made_again_from_the_rows(shop: Shop) -> None:
    remove(shop, "frames/feature_table", "*.parquet")
    report = refresh.run(
        open_context(shop.settings, clock=shop.clock),
        Plan(tuple(EVERYBODY), stages=frozenset({Stage.PRICE_MODEL}), only_stale=False, optimize="never", source="never"),
    )
    assert report.failed == ()
    assert {outcome.status for outcome in report.outcomes} == {Status.FRESH}
    assert files(shop, "frames/feature_table", "*.parquet")
