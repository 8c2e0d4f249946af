"""The page of the monitor: how forecasts did in service, what is not well, what is asked for and decided, who was told.

Belongs here: gathering what the page shows. Not here: how it looks (`templates`), reading it (`operations.oversight`).
"""

from fastapi import APIRouter, Request, Response
from markupsafe import Markup

from pricecast_dagster.api.pages.rendering import page
from pricecast_dagster.api.services import Services
from pricecast_dagster.operations import oversight, report
from pricecast_dagster.operations.curves import curve
from pricecast_dagster.operations.oversight import Oversight, served
from pricecast_dagster.storage import products
from pricecast_dagster.storage.served_scores import WINDOWS


def build(services: Services) -> APIRouter:
    """The routes."""
    router = APIRouter(include_in_schema=False)

    @router.get("/monitoring")
    def monitoring(request: Request) -> Response:
        """The portfolio in service."""
        found = oversight.of_portfolio(services.context)
        with services.context.database.read() as connection:
            names = products.names(connection)
        last = found.passes[0] if found.passes else None
        return page(
            request,
            "monitoring.html",
            services.settings.currency,
            found=found,
            names=names,
            last=last,
            windows={window: served(last, window) for window in WINDOWS} if last else {},
            noticed=oversight.noticed(last) if last else [],
            curves={
                "Error over the last price's, 28 days": _curve(found, "mae_over_last_price", 1.0),
                "Share of prices inside the 80 % band, 28 days": _curve(found, "coverage_80", 0.8),
            },
        )

    @router.get("/monitoring/report")
    def report_file() -> Response:
        """The report that is mailed, as a file of its own."""
        return Response(report.html(services.context), media_type="text/html")

    return router


def _curve(found: Oversight, measure: str, level: float) -> Markup:
    passes = found.passes[::-1]
    days = [f"{one.day}" for one in passes]
    # Made of numbers and days by `curves`, which escapes what is text.
    return Markup(curve([served(one).get(measure) for one in passes], days, told=measure.replace("_", " "), level=level))
