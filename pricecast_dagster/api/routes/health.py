"""Health: does it live, can it work, and what does it count.

Belongs here: the three calls. Not here: what is counted of each request (`observability`).
"""

import time
from threading import Lock
from typing import Final

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from pricecast_dagster.api import gauges, models
from pricecast_dagster.api.problems import responses
from pricecast_dagster.api.services import Services
from pricecast_dagster.errors import PricecastError
from pricecast_dagster.operations import oversight
from pricecast_dagster.operations import portfolio as portfolios
from pricecast_dagster.operations.portfolio import Portfolio
from pricecast_dagster.storage import products
from pricecast_dagster.storage.files import look_at

OK: Final = "ok"
LOOK_SECONDS: Final = 15.0
"""Between two looks at the whole portfolio; a scrape in between gets the last one's figures."""


def build(services: Services) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["health"])
    figures = _Figures(services)

    @router.get("/healthz", summary="It lives")
    async def health() -> models.Health:
        """Answers as long as the process does."""
        return models.Health()

    @router.get(
        "/readyz",
        summary="What works",
        response_model=models.Readiness,
        responses={503: {"model": models.Readiness, "description": "Database or store do not work."}},
    )
    def ready() -> Response:
        """Database and store, without which nothing works, and Dagster, without which nothing can be trained."""
        found = {"database": _database(services), "store": _store(services), "dagster": _dagster(services)}
        works = found["database"] == OK and found["store"] == OK
        answer = models.Readiness(status="ready" if works else "not ready", **found)
        return Response(answer.model_dump_json(), 200 if works else 503, media_type="application/json")

    @router.get(
        "/metrics",
        summary="Figures for Prometheus",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **responses()},
    )
    def metrics() -> Response:
        """Requests, launches and forecasts of this process; freshness, fallback share and coverage of the portfolio."""
        content = generate_latest(services.metrics.registry) + generate_latest(figures.registry())
        return Response(content, media_type=CONTENT_TYPE_LATEST)

    return router


class _Figures:
    """Gauges of the portfolio, looked up now and then; without a database there are none, and the rest is told all the same."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = Lock()
        self._looked = -LOOK_SECONDS
        self._registry = CollectorRegistry()

    def registry(self) -> CollectorRegistry:
        """The gauges as of the last look."""
        with self._lock:
            if time.monotonic() - self._looked >= LOOK_SECONDS:
                self._registry = self._look()
                self._looked = time.monotonic()
            return self._registry

    def _look(self) -> CollectorRegistry:
        registry = CollectorRegistry()
        up = Gauge("pricecast_database_up", "Whether the database answers.", registry=registry)
        try:
            found = portfolios.portfolio(self._services.context)
            gauges.tell(registry, oversight.of_portfolio(self._services.context))
        except PricecastError:
            up.set(0)
            return registry
        up.set(1)
        _tell(registry, found, self._services.context.clock().timestamp())
        return registry


def _tell(registry: CollectorRegistry, found: Portfolio, now: float) -> None:
    products = Gauge("pricecast_products", "Active products by state.", ("state",), registry=registry)
    for state in ("fresh", "stale", "fallback", "failed", "drifting", "worse_than_naive"):
        products.labels(state).set(getattr(found, state))
    products.labels("all").set(found.products)
    share = Gauge("pricecast_fallback_share", "Share of products that a simple method answers for, 0 to 1.", registry=registry)
    share.set(found.fallback / found.products if found.products else 0.0)
    age = Gauge("pricecast_oldest_forecast_age_seconds", "Since the oldest current forecast was made.", registry=registry)
    if found.made_at is not None:
        age.set(now - found.made_at.timestamp())
    coverage = Gauge("pricecast_coverage", "Mean measured coverage of the bands, 0 to 1.", ("level",), registry=registry)
    for level, measured in found.coverage.items():
        coverage.labels(level).set(measured)


def _database(services: Services) -> str:
    try:
        with services.context.database.read() as connection:
            products.page(connection, limit=1)
    except PricecastError as error:
        return str(error)
    return OK


def _store(services: Services) -> str:
    try:
        look_at(services.settings.home)
    except PricecastError as error:
        return str(error)
    return OK


def _dagster(services: Services) -> str:
    try:
        return services.dagster.problem() or OK
    except PricecastError as error:
        return str(error)
