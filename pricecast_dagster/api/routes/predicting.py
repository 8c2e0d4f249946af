"""Forecasts out: one product, or many in one call.

Belongs here: the two calls, their conditional GET and what is kept in memory. Not here: which forecast answers
(`operations.serving`), computing one that reaches further than the stored one (`operations.forecasts`).
"""

from collections import OrderedDict
from dataclasses import asdict
from typing import Annotated, Final

from fastapi import APIRouter, Header, Response
from starlette.concurrency import run_in_threadpool

from pricecast_dagster.api import models
from pricecast_dagster.api.gathering import Gatherer
from pricecast_dagster.api.parameters import Days, SkuPath
from pricecast_dagster.api.problems import responses, status_of
from pricecast_dagster.api.services import Services
from pricecast_dagster.errors import PricecastError
from pricecast_dagster.operations import forecasts, serving
from pricecast_dagster.operations.forecasts import Prediction
from pricecast_dagster.schemas import LEVELS
from pricecast_dagster.stages.versions import digest
from pricecast_dagster.storage.json_text import to_json
from pricecast_dagster.storage.standing import Standing

ANSWERS_IN_MEMORY: Final = 20_000
"""An answer has about 1.2 KB."""

COMPUTED_AT_ONCE: Final = 50
"""Products of one call that may reach further than what is stored: each takes 20 ms of computing."""

_JSON: Final = "application/json"
_REVALIDATED: Final = "private, no-cache"
_Key = tuple[str, str | None, int, bool]


def build(services: Services) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["forecasts"])
    context = services.context
    kept: OrderedDict[_Key, tuple[bytes, str]] = OrderedDict()
    gatherer: Gatherer[Standing] = Gatherer(lambda skus: serving.standing_of(context, skus))
    counted = {by: services.metrics.answers.labels(by) for by in ("model", "simple")}

    def answered(standing: Standing, days: int) -> tuple[bytes, str]:
        """The bytes of an answer and its tag."""
        stored = serving.stored_predictions(context, {standing.sku: standing}, days).get(standing.sku)
        prediction = stored or forecasts.predict(context, standing.sku, days)
        body = to_json(as_answer(prediction)).encode()
        # Beside the version: a longer forecast is computed anew, from rows and model that may have moved on.
        tag = standing.version if stored is not None else digest(body.decode())
        return body, f'"{tag}-{days}{"-stale" if prediction.stale else ""}"'

    @router.get(
        "/ml/predict/{sku:path}",
        summary="Forecast of one product",
        response_model=models.PredictionAnswer,
        responses={**responses(404), 304: {"description": "The forecast is the one of `If-None-Match`."}},
    )
    async def predict(
        sku: SkuPath, days_ahead: Days = 14, if_none_match: Annotated[str | None, Header(max_length=1000)] = None
    ) -> Response:
        """The coming days with their bands, from the stored forecast; what reaches further is computed now."""
        standing = await gatherer.ask(sku)
        if standing is None:
            raise serving.refuse_unknown(sku)
        key = (sku, standing.version, days_ahead, standing.stale is not None)
        found = kept.get(key)
        if found is None:
            found = await run_in_threadpool(answered, standing, days_ahead)
            if standing.horizon_days >= days_ahead:
                kept[key] = found
                if len(kept) > ANSWERS_IN_MEMORY:
                    kept.popitem(last=False)
        body, tag = found
        headers = {"ETag": tag, "Cache-Control": _REVALIDATED}
        if if_none_match is not None and tag in (given.strip().removeprefix("W/") for given in if_none_match.split(",")):
            return Response(status_code=304, headers=headers)
        counted["model" if b'"model_used": "LightGBM' in body else "simple"].inc()
        return Response(body, media_type=_JSON, headers=headers)

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


def as_answer(prediction: Prediction) -> dict[str, object]:
    """A prediction in the form of `models.PredictionAnswer`."""
    found = asdict(prediction)
    found["metrics"] = {name: prediction.metrics.get(name) for name in ("rmse", "mae")}
    found["coverage"] = {str(level): prediction.coverage.get(str(level)) for level in LEVELS}
    return {name: found[name] for name in models.PredictionAnswer.model_fields}


def _too_many(days: int) -> PricecastError:
    error = PricecastError(
        f"At most {COMPUTED_AT_ONCE} products of one call can be forecast {days} days ahead: so far is not stored.",
        remedy="Ask for fewer products at once, or raise PRICECAST_HORIZON_DAYS.",
    )
    error.http_status = 422
    return error
