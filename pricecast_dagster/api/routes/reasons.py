"""Reasons over HTTP: from a forecast back to the rows it came from, as `pricecast why` tells it.

Belongs here: the call and the shape of its answer. Not here: putting the lineage together (`operations.lineage`).
"""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from pricecast_dagster.api.parameters import SkuPath
from pricecast_dagster.api.problems import responses
from pricecast_dagster.api.services import Services
from pricecast_dagster.operations import lineage


class WhyStep(BaseModel):
    """One stage on the way back."""

    stage: str = Field(description="forecast, price_model, feature_table, raw_history", examples=["price_model"])
    version: str | None = Field(description="of what it holds; null where it holds nothing")
    made_from: str | None = Field(description="version of what it was made from")
    code_version: str | None = Field(description="of what computed it")
    reason: str = Field(description="why it was computed the last time", examples=["data changed"])
    when: datetime | None = Field(description="the last time it was computed, or tried")
    run_id: str | None = Field(description="the Dagster run; null from the command line")
    stale: str | None = Field(description="why it is out of date now; null where it is not")
    error: str | None = Field(description="what the last attempt failed on")
    facts: dict[str, str | float | None] = Field(description="what else is on record")


class WhyModel(BaseModel):
    """A version of the model, and what was decided about it."""

    version: str
    standing: str = Field(description="champion, stored or deleted", examples=["champion"])
    reason: str = Field(description="why it was trained")
    decision: str = Field(description="why it answers, or why not")
    trained_at: datetime


class WhyRequest(BaseModel):
    """What asked for the product to be trained again."""

    id: int
    reason: str
    status: str = Field(description="open, answered or cancelled")
    created_at: datetime
    version: str | None = Field(description="the model that answered it")


class WhyAnswer(BaseModel):
    """Everything on record about one product, from its forecast back to the rows of the source."""

    sku: str
    name: str
    active: bool = Field(description="whether it was in the source at the last full read")
    held: str | None = Field(description="why nothing trains it until it is asked for")
    steps: list[WhyStep] = Field(description="from the forecast back to raw_history")
    models: list[WhyModel] = Field(description="newest first")
    requests: list[WhyRequest] = Field(description="newest first")
    read_at: datetime | None = Field(description="when its rows were read")
    rejected: list[str] = Field(description="rows of it that were not taken, at most ten")


def build(services: Services) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["history"])

    @router.get("/ml/why/{sku:path}", summary="Where a forecast comes from", responses=responses(404))
    def why(sku: SkuPath) -> WhyAnswer:
        """Versions, runs, decisions and times, from the forecast back to the rows of the source."""
        found = lineage.why(services.context, sku)
        return WhyAnswer(
            sku=sku,
            name=found.product.name,
            active=found.product.active,
            held=found.product.model_hold,
            steps=[_step(step) for step in found.steps],
            models=[
                WhyModel(
                    version=model.version,
                    standing="champion" if model.champion else "deleted" if model.deleted_at else "stored",
                    reason=model.reason,
                    decision=model.decision,
                    trained_at=model.trained_at,
                )
                for model in found.models
            ],
            requests=[
                WhyRequest(id=one.id, reason=one.reason, status=one.status.value, created_at=one.created_at, version=one.version)
                for one in found.requests
            ],
            read_at=found.read_at,
            rejected=list(found.rejected),
        )

    return router


def _step(step: lineage.Step) -> WhyStep:
    facts = {
        name: value if isinstance(value, str | float | int) or value is None else str(value)
        for name, value in step.facts.items()
        if name != "traceback"
    }
    return WhyStep(
        stage=step.stage.value,
        version=step.version,
        made_from=step.made_from,
        code_version=step.code_version,
        reason=step.reason,
        when=step.when,
        run_id=step.run_id,
        stale=step.stale,
        error=step.error,
        facts=facts,
    )
