"""Forecasts out: one product, or many in one call.

Belongs here: the two calls, their conditional GET and what is kept in memory. Not here: which forecast answers
(`operations.serving`), computing one that reaches further than the stored one (`operations.forecasts`).
"""

from typing import Annotated, Final

from fastapi import APIRouter, Header, Response

from pricecast_dagster.api import models
from pricecast_dagster.api.parameters import Days, SkuPath
from pricecast_dagster.api.predictions import Predictions, as_answer
from pricecast_dagster.api.problems import responses, status_of
from pricecast_dagster.api.quick import DAYS, PATH, is_known
from pricecast_dagster.api.services import Services
from pricecast_dagster.errors import PricecastError
from pricecast_dagster.operations import forecasts, serving
from pricecast_dagster.storage.json_text import to_json

COMPUTED_AT_ONCE: Final = 50
"""Products of one call that may reach further than what is stored: each takes 20 ms of computing."""

_JSON: Final = "application/json"
_OF_304: Final = (b"etag", b"cache-control")


def build(services: Services, predictions: Predictions) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["forecasts"])
    context = services.context

    @router.get(
        PATH,
        summary="Forecast of one product",
        response_model=models.PredictionAnswer,
        responses={**responses(404), 304: {"description": "The forecast is the one of `If-None-Match`."}},
    )
    async def predict(
        sku: SkuPath, days_ahead: Days = DAYS, if_none_match: Annotated[str | None, Header(max_length=1000)] = None
    ) -> Response:
        """The coming days with their bands, from the stored forecast; what reaches further is computed now."""
        answer = await predictions.answer(sku, days_ahead)
        known = if_none_match is not None and is_known(answer, if_none_match)
        response = Response(status_code=304) if known else Response(answer.body)
        response.raw_headers = [pair for pair in answer.headers if not known or pair[0] in _OF_304]
        if not known:
            predictions.count(answer)
        return response

    @router.post(
        "/ml/predict",
        summary="Forecasts of many products",
        response_model=models.PredictionList,
        responses=responses(400, 413),
    )
    def predict_many(order: models.PredictMany) -> Response:
        """As for one; products that have no answer are listed with the reason, the others are not touched by it."""
        skus = list(dict.fromkeys(order.skus))
        standing = serving.standing_of(context, skus)
        found = serving.stored_predictions(context, standing, order.days_ahead)
        failed = []
        computed = 0
        for sku in skus:
            if sku in found:
                continue
            computed += sku in standing
            try:
                if computed > COMPUTED_AT_ONCE:
                    raise _too_many(order.days_ahead)
                found[sku] = forecasts.predict(context, sku, order.days_ahead)
            except PricecastError as error:
                failed.append({"sku": sku, "status": status_of(error), "detail": str(error)})
        answers = [as_answer(found[sku]) for sku in skus if sku in found]
        return Response(to_json({"forecasts": answers, "failed": failed, "count": len(answers)}), media_type=_JSON)

    return router


def _too_many(days: int) -> PricecastError:
    error = PricecastError(
        f"At most {COMPUTED_AT_ONCE} products of one call can be forecast {days} days ahead: so far is not stored.",
        remedy="Ask for fewer products at once, or raise PRICECAST_HORIZON_DAYS.",
    )
    error.http_status = 422
    return error
