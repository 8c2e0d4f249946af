"""The registry over HTTP: list, look, delete, go back.

Belongs here: the four calls. Not here: what they do (`operations.models`).
"""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from pricecast_dagster.api import models
from pricecast_dagster.api.parameters import NO_CONTROL, SkuPath
from pricecast_dagster.api.problems import ROLLBACK, responses
from pricecast_dagster.api.services import Services
from pricecast_dagster.operations import models as registry
from pricecast_dagster.operations.models import Dossier
from pricecast_dagster.storage.registry import ModelVersion

MOST_LISTED = 10_000


def build(services: Services) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["models"])
    context = services.context

    @router.get("/ml/models", summary="Champions of all products", responses=responses())
    def list_models(
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED, description="models in this answer")] = 100,
        offset: Annotated[int, Query(ge=0, le=10_000_000, description="models left out before")] = 0,
        prefix: Annotated[str, Query(max_length=2000, pattern=NO_CONTROL, description="only SKUs that begin so")] = "",
    ) -> models.ModelList:
        """A page of the registry, by SKU."""
        found, count = registry.champions(context, limit=limit, offset=offset, prefix=prefix)
        return models.ModelList(models=[_line(model) for model in found], count=count)

    # Before the others: their addresses take any SKU, also one that ends in /rollback.
    @router.post("/ml/models/{sku:path}" + ROLLBACK, summary="Go back to an earlier version", responses=responses(400, 404, 413))
    def roll_back(sku: SkuPath, order: models.RollbackOrder | None = None) -> models.RollbackAnswer:
        """An earlier version becomes champion, and forecasts at once."""
        before, after, model_used = registry.rollback(context, sku, order.version if order else None)
        return models.RollbackAnswer(sku=sku, version_before=before, version=after, model_used=model_used)

    @router.get(
        "/ml/models/{sku:path}",
        summary="A product's model and its versions",
        responses=responses(404),
        dependencies=[Depends(_not_a_rollback)],
    )
    def show_model(sku: SkuPath) -> models.ModelAnswer:
        """The champion, and every version with why it was trained and what came of it."""
        return as_answer(registry.dossier(context, sku))

    @router.delete(
        "/ml/models/{sku:path}",
        status_code=204,
        response_class=Response,
        summary="Delete a product's model",
        responses=responses(404),
        dependencies=[Depends(_not_a_rollback)],
    )
    def delete_model(sku: SkuPath) -> Response:
        """All versions go; a simple method answers from now on, and nothing retrains the product until it is asked to."""
        registry.delete(context, sku, "deleted over HTTP")
        return Response(status_code=204)

    return router


async def _not_a_rollback(request: Request) -> None:
    """The address of a rollback has no other method than its own; a product called `a/rollback` is written `a%2Frollback`."""
    if request.scope.get("raw_path", b"").endswith(ROLLBACK.encode()):
        raise HTTPException(405)


def as_answer(dossier: Dossier) -> models.ModelAnswer:
    """A dossier in the form of the reference."""
    champion = next((version for version in dossier.versions if version.champion), None)
    versions = [
        models.ModelVersionAnswer(
            version=version.version,
            champion=version.champion,
            trained_at=version.trained_at,
            reason=version.reason,
            decision=version.decision,
            metrics=numbers(version.metrics),
            training_samples=version.training_samples,
            deleted_at=version.deleted_at,
        )
        for version in dossier.versions
    ]
    return models.ModelAnswer(
        sku=dossier.sku,
        exists=champion is not None,
        model_type=champion.model_type if champion else None,
        version=champion.version if champion else None,
        metrics=numbers(champion.metrics) if champion else {},
        trained_at=champion.trained_at if champion else None,
        training_samples=champion.training_samples if champion else None,
        champion_since=champion.champion_since if champion else None,
        reason=champion.reason if champion else why_none(dossier),
        versions=versions,
    )


def why_none(dossier: Dossier) -> str:
    """Why a product has no model, in words."""
    if dossier.held is not None:
        return f"{dossier.held}; nothing retrains it until it is asked for"
    if dossier.no_rows is not None:
        return f"there is nothing to train on: {dossier.no_rows}"
    if dossier.error is not None:
        return f"its training failed: {dossier.error}"
    return "too short a history, or never trained"


def numbers(metrics: Mapping[str, object]) -> dict[str, float | None]:
    """Metrics as plain numbers."""
    return {name: float(value) if isinstance(value, int | float) else None for name, value in metrics.items()}


def _line(model: ModelVersion) -> models.ModelLine:
    return models.ModelLine(
        sku=model.sku,
        model_type=model.model_type,
        version=model.version,
        metrics=numbers(model.metrics),
        trained_at=model.trained_at,
        training_samples=model.training_samples,
        champion_since=model.champion_since,
        reason=model.reason,
    )
