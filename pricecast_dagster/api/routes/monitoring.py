"""Monitoring over HTTP: how forecasts did in service, what was found, what is asked for and decided.

Belongs here: the two calls. Not here: reading the records (`operations.oversight`), the page (`pages.monitoring`).
"""

from fastapi import APIRouter

from pricecast_dagster.api import monitoring_models as models
from pricecast_dagster.api.parameters import SkuPath
from pricecast_dagster.api.problems import responses
from pricecast_dagster.api.services import Services
from pricecast_dagster.operations import oversight


def build(services: Services) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["monitoring"])

    @router.get("/ml/monitoring", summary="The portfolio in service", responses=responses())
    def portfolio() -> models.MonitoringAnswer:
        """The last pass of the monitor, what is not well, what waits to be trained again, decisions, alerts."""
        found = oversight.of_portfolio(services.context)
        return models.MonitoringAnswer(
            last_pass=models.PassLine.model_validate(found.passes[0]) if found.passes else None,
            drifting=found.drifting,
            finding_count=found.finding_count,
            findings=[models.MonitorFinding.model_validate(one) for one in found.findings],
            worst=[models.ServedAccuracy.model_validate(one) for one in found.worst],
            requests=[models.RequestLine.model_validate(one) for one in found.requests],
            request_counts={status.value: count for status, count in found.request_counts.items()},
            open_trials=found.open_trials,
            decided=[models.TrialLine.model_validate(one) for one in found.decided],
            alert_counts={severity.value: count for severity, count in found.alert_counts.items()},
            alerts=[models.AlertLine.model_validate(one) for one in found.alerts],
            letters={status.value: count for status, count in found.letters.items()},
        )

    @router.get("/ml/monitoring/{sku:path}", summary="A product in service", responses=responses(404))
    def product(sku: SkuPath) -> models.ProductMonitoringAnswer:
        """How its served forecasts did against what happened, findings, requests, trials, alerts."""
        found = oversight.of_product(services.context, sku)
        return models.ProductMonitoringAnswer(
            sku=sku,
            scores=[models.ServedAccuracy.model_validate(one) for one in found.scores],
            curve=[models.ServedAccuracy.model_validate(one) for one in found.curve],
            findings=[models.MonitorFinding.model_validate(one) for one in found.findings],
            past=[models.MonitorFinding.model_validate(one) for one in found.past],
            requests=[models.RequestLine.model_validate(one) for one in found.requests],
            trials=[models.TrialLine.model_validate(one) for one in found.trials],
            alerts=[models.AlertLine.model_validate(one) for one in found.alerts],
        )

    return router
