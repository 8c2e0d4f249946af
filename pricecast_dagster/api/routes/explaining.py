"""Explaining over HTTP: what moved a forecast.

Belongs here: the call. Not here: taking a forecast apart (`operations.explaining`).
"""

from fastapi import APIRouter

from pricecast_dagster.api import models
from pricecast_dagster.api.parameters import Days, SkuPath
from pricecast_dagster.api.problems import responses
from pricecast_dagster.api.services import Services
from pricecast_dagster.operations import explaining


def build(services: Services) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["forecasts"])

    @router.get("/ml/explain/{sku:path}", summary="What moved a product's forecast", responses=responses(404))
    def explain(sku: SkuPath, days_ahead: Days = 14) -> models.ExplainAnswer:
        """By day, what the strongest features add to the price, and what each member does; 404 where no model answers."""
        found = explaining.explain(services.context, sku, days_ahead)
        days = [
            models.ExplainedDay(
                date=day.day,
                price=day.price,
                influences=[models.Influence(feature=one.feature, effect=one.effect, value=one.value) for one in day.strongest],
                others=day.others,
                base=day.base,
                last_price=day.last,
                members=[models.Move(member=one.member, weight=one.weight, effect=one.effect) for one in day.moves],
                settling=day.settling,
            )
            for day in found.days
        ]
        return models.ExplainAnswer(sku=sku, model_used=found.model_used, origin=found.origin, days=days)

    return router
