"""Training over HTTP: asking for it, and asking how it goes.

Belongs here: the two calls. Not here: how a training becomes a run (`launching`).
"""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from pricecast_dagster.api import models
from pricecast_dagster.api.launching import Ending, Launcher, ending
from pricecast_dagster.api.parameters import SkuPath
from pricecast_dagster.api.problems import problem_response, request_id_of, responses
from pricecast_dagster.api.services import Services
from pricecast_dagster.orchestration.client import SKU_TAG, Run

LONGEST_WAIT_SECONDS = 600
MOST_TRIALS = 1000

_STATUS: dict[str, models.JobStatus] = {
    "QUEUED": "queued",
    "NOT_STARTED": "queued",
    "STARTING": "running",
    "STARTED": "running",
    "CANCELING": "running",
    "SUCCESS": "succeeded",
    "FAILURE": "failed",
    "CANCELED": "canceled",
}


def build(services: Services, launcher: Launcher) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["training"])

    @router.post(
        "/ml/train/{sku:path}",
        summary="Train a product",
        status_code=202,
        response_model=models.JobAccepted,
        responses={
            200: {"model": models.TrainingResult, "description": "With `wait=true`: it has ended."},
            **responses(404, 429),
        },
    )
    def train(
        request: Request,
        response: Response,
        sku: SkuPath,
        optimize: Annotated[bool, Query(description="look for a new recipe; it answers only if it is at least as good")] = True,
        n_trials: Annotated[
            int | None, Query(ge=1, le=MOST_TRIALS, description="tuning trials; PRICECAST_TRIALS unless given")
        ] = None,
        wait: Annotated[bool, Query(description="answer when it has ended, or after `timeout_s`")] = False,
        timeout_s: Annotated[float, Query(ge=0, le=LONGEST_WAIT_SECONDS, description="seconds to wait at most")] = 300,
    ) -> models.JobAccepted | Response:
        """Start a Dagster run that trains the product; while one is under way, every call answers with that one."""
        trials = n_trials or services.settings.trials
        run = launcher.train(sku, optimize=optimize, trials=trials, http_request=request_id_of(request))
        if wait:
            run = launcher.wait(run, timeout_s)
        if wait and run.finished:
            result = as_result(sku, ending(services.context, sku, run))
            return Response(result.model_dump_json(), 200, media_type="application/json")
        response.headers["Location"] = status_url(run)
        return models.JobAccepted(sku=sku, job_id=run.run_id, status=_STATUS[run.status], status_url=status_url(run))

    @router.get("/ml/jobs/{job_id}", summary="How a training goes", response_model=models.Job, responses=responses(404))
    def job(
        request: Request, job_id: Annotated[str, Path(pattern="^[0-9A-Za-z-]{1,64}$", description="`job_id` of a training")]
    ) -> models.Job | Response:
        """Status of a training, and how it ended if it has."""
        run = services.dagster.find_run(job_id)
        sku = run.tags.get(SKU_TAG) if run else None
        if run is None or sku is None:
            return problem_response(
                404,
                f"There is no training {job_id}.",
                remedy="`POST /ml/train/{sku}` starts one.",
                request_id=request_id_of(request),
            )
        result = as_result(sku, ending(services.context, sku, run)) if run.finished else None
        return models.Job(sku=sku, job_id=job_id, status=_STATUS[run.status], status_url=status_url(run), result=result)

    return router


def status_url(run: Run) -> str:
    """Where to ask how a run goes."""
    return f"/ml/jobs/{run.run_id}"


def as_result(sku: str, ended: Ending) -> models.TrainingResult:
    """The ending in the form of the reference."""
    model = ended.model
    metrics = model.metrics if model else {}
    return models.TrainingResult(
        sku=sku,
        success=ended.success,
        metrics=models.TrainingMetrics.model_validate({name: metrics.get(name) for name in ("rmse", "mae", "mape")}),
        training_samples=model.training_samples if model else 0,
        validation_samples=model.validation_samples if model else 0,
        features_count=model.features_count if model else 0,
        message=ended.message,
        version=model.version if model else None,
    )
