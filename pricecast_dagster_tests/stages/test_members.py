"""Additional members come and go with the setting: it is an input of every model."""

from pathlib import Path

from pricecast_dagster.schemas import Stage
from pricecast_dagster.stages.bundles import load_model
from pricecast_dagster.stages.outcome import Status
from pricecast_dagster.storage import registry
from pricecast_dagster_tests.shop import Shop, open_shop


def members_of(shop: Shop) -> dict[str, set[str]]:
    """Product -> whose past errors its champion knows."""
    context = shop.context()
    with context.database.read() as connection:
        champions = registry.champions(connection)
    return {sku: set(load_model(context, sku, row.version).facts["member_errors"]) for sku, row in champions.items()}


def test_a_changed_setting_weighs_every_model_again_and_touches_nothing_before(tmp_path: Path, database_url: str) -> None:
    shop = open_shop(tmp_path, products=2, database_url=database_url)
    shop.refresh()
    assert all("ridge" not in members for members in members_of(shop).values())
    asked = open_shop(tmp_path, products=2, database_url=database_url, members=["ridge", "theta"])
    report = asked.refresh()
    assert report.failed == ()
    computed = [outcome for outcome in report.outcomes if outcome.status is not Status.UNCHANGED]
    assert {outcome.stage for outcome in computed} == {Stage.PRICE_MODEL, Stage.FORECAST}
    assert all({"ridge", "theta"} < members for members in members_of(asked).values())
    assert asked.refresh().outcomes == ()
    shop.refresh()
    assert all("ridge" not in members for members in members_of(shop).values())
