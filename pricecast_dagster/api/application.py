"""The application: routes, guard and observability put together.

Belongs here: the order of the layers, and what OpenAPI says of all routes. Not here: any route, and serving (`cli.serve`).
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import metadata
from typing import Any, Final

from fastapi import Depends, FastAPI

from pricecast_dagster.api import problems
from pricecast_dagster.api.access_log import AccessLog
from pricecast_dagster.api.guard import Guard
from pricecast_dagster.api.heads import Heads
from pricecast_dagster.api.launching import Launcher
from pricecast_dagster.api.observability import Observed
from pricecast_dagster.api.pages import oversight, portfolio, product, static
from pricecast_dagster.api.parameters import no_unknown_query
from pricecast_dagster.api.predictions import Predictions
from pricecast_dagster.api.problems import Problem
from pricecast_dagster.api.quick import Quick
from pricecast_dagster.api.routes import explaining, exporting, health, monitoring, past, predicting, reasons, registry, training
from pricecast_dagster.api.services import Services
from pricecast_dagster.api.tokens import Tokens, load_tokens

DESCRIPTION: Final = """Daily price forecasts for every product of a retailer.

Every error is a problem document (RFC 9457) that says what, where and what to do. Where tokens are configured, every call but
`/healthz` and `/readyz` needs `Authorization: Bearer TOKEN`; where none is, only this machine may ask."""


def create_app(services: Services, tokens: Tokens | None = None, access: AccessLog | None = None) -> FastAPI:
    """The application over open services.

    Args:
        services: stores and Dagster.
        tokens: who may ask; None takes those of the settings.
        access: what is told of every request; None tells nobody.

    Raises:
        SettingsError: the tokens of the settings cannot be used.
    """
    tokens = tokens or load_tokens(services.settings)
    app = FastAPI(
        title="pricecast",
        version=metadata.version("pricecast-dagster"),
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
        lifespan=_logging(access),
    )
    launcher = Launcher(services.context, services.dagster, lambda outcome: services.metrics.launches.labels(outcome).inc())
    predictions = Predictions(services)
    calls = [training.build(services, launcher), predicting.build(services, predictions)]
    calls += [topic.build(services) for topic in (exporting, past, explaining, reasons, registry, monitoring, health)]
    for router in calls:
        app.include_router(router, dependencies=[Depends(no_unknown_query)])
    for router in (static.build(), portfolio.build(services, tokens), product.build(services), oversight.build(services)):
        app.include_router(router)
    problems.install(app)
    _describe(app)
    # The last one added is the outermost.
    app.add_middleware(Quick, predictions=predictions)
    app.add_middleware(Guard, tokens=tokens)
    app.add_middleware(Heads)
    app.add_middleware(Observed, metrics=services.metrics, access=access)
    return app


def _logging(access: AccessLog | None) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """The access log writes in batches for as long as the application runs."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if access is None:
            yield
            return
        access.start()
        try:
            yield
        finally:
            access.close()

    return lifespan


def _describe(app: FastAPI) -> None:
    """Complete the schema: tokens, problem documents, one description of each."""
    generated = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = generated()
            components = schema.setdefault("components", {})
            described = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            components.setdefault("schemas", {}).update(described.pop("$defs", {}))
            components["schemas"]["Problem"] = described
            for unused in ("HTTPValidationError", "ValidationError"):
                components["schemas"].pop(unused, None)
            components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            for path, operations in schema["paths"].items():
                if path not in ("/healthz", "/readyz"):
                    for operation in operations.values():
                        operation["security"] = [{"token": []}]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
