"""Serving: stored forecasts for those who ask often; many products in one look, and no model is loaded.

Belongs here: which stored forecast answers, and whether it is stale. Not here: forecasts that reach further than the stored one
(`operations.forecasts`), keeping answers in memory (`api`).
"""

from collections.abc import Iterable, Mapping

from pricecast_dagster.errors import UnknownSkuError
from pricecast_dagster.operations.forecasts import Prediction, as_prediction
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.shared import codes_in_force
from pricecast_dagster.storage import forecasts, products
from pricecast_dagster.storage.forecasts import StoredForecast
from pricecast_dagster.storage.standing import Standing, standings


def standing_of(context: StageContext, skus: Iterable[str]) -> dict[str, Standing]:
    """SKU -> how its stored forecast stands, for those that are in the source."""
    codes = codes_in_force(context.database, context.settings, context.calendar)
    with context.database.read() as connection:
        return standings(connection, skus, codes)


def stored_forecasts(context: StageContext, skus: Iterable[str]) -> dict[str, StoredForecast]:
    """SKU -> its stored forecast, for those that have one."""
    with context.database.read() as connection:
        return forecasts.currents(connection, skus)


def stored_predictions(context: StageContext, standing: Mapping[str, Standing], days: int) -> dict[str, Prediction]:
    """SKU -> its stored forecast cut to so many days; those without one, or with a shorter one, are left out."""
    wanted = [sku for sku, one in standing.items() if one.horizon_days >= days]
    with context.database.read() as connection:
        found = forecasts.currents(connection, wanted)
    return {sku: as_prediction(stored, days, stale=standing[sku].stale is not None) for sku, stored in found.items()}


def absent(context: StageContext, sku: str) -> UnknownSkuError:
    """The error of a product that is not in the source."""
    with context.database.read() as connection:
        return products.absent(connection, sku)
