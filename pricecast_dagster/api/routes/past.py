"""The past over HTTP: a product's recorded days.

Belongs here: the call. Not here: reading them (`operations.forecasts`).
"""

import math
from typing import Annotated

from fastapi import APIRouter, Query

from pricecast_dagster.api import models
from pricecast_dagster.api.parameters import SkuPath
from pricecast_dagster.api.problems import responses
from pricecast_dagster.api.services import Services
from pricecast_dagster.operations import forecasts
from pricecast_dagster.schemas import DATE, PRICE, QUANTITY
from pricecast_dagster.storage import products

MOST_DAYS = 4000


def build(services: Services) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["history"])

    @router.get("/ml/history/{sku:path}", summary="Recorded days of a product", responses=responses(404))
    def history(
        sku: SkuPath, days: Annotated[int, Query(ge=1, le=MOST_DAYS, description="the last so many records")] = 365
    ) -> models.HistoryAnswer:
        """Price and quantity of each recorded day, oldest first."""
        with services.context.database.read() as connection:
            products.get(connection, sku)
        frame = forecasts.history(services.context, sku, days)
        rows = [
            models.HistoryDay(date=day.date(), price=price, quantity=None if math.isnan(quantity) else quantity)
            for day, price, quantity in zip(frame[DATE], frame[PRICE].tolist(), frame[QUANTITY].tolist(), strict=True)
        ]
        return models.HistoryAnswer(sku=sku, currency=services.settings.currency, days=rows, count=len(rows))

    return router
