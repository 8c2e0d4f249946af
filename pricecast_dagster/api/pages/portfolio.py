"""The front page: the portfolio in numbers, what needs attention, and the way to a product; the login; the list of calls.

Belongs here: these pages. Not here: counting (`operations.portfolio`), the page of one product (`product`).
"""

from typing import Annotated, Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from pricecast_dagster.api.guard import SESSION
from pricecast_dagster.api.pages.rendering import page
from pricecast_dagster.api.parameters import NO_CONTROL
from pricecast_dagster.api.services import Services
from pricecast_dagster.api.tokens import Tokens
from pricecast_dagster.operations import portfolio as portfolios
from pricecast_dagster.storage import products

FOUND_ON_A_PAGE: Final = 50


def build(services: Services, tokens: Tokens) -> APIRouter:
    """The routes."""
    router = APIRouter(include_in_schema=False)
    currency = services.settings.currency

    @router.get("/")
    def front(request: Request) -> Response:
        """The portfolio and what needs attention."""
        found = portfolios.portfolio(services.context)
        return page(request, "front.html", currency, portfolio=found, dagster_url=services.settings.dagster_url)

    @router.get("/products")
    def search(
        request: Request,
        q: Annotated[str, Query(max_length=200, pattern=NO_CONTROL)] = "",
        offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    ) -> Response:
        """Products by a part of SKU, name or category."""
        with services.context.database.read() as connection:
            found = products.page(connection, limit=FOUND_ON_A_PAGE, offset=offset, search=q)
            count = products.count(connection, q)
        return page(request, "search.html", currency, found=found, count=count, q=q, offset=offset, step=FOUND_ON_A_PAGE)

    @router.get("/login")
    async def ask(request: Request) -> Response:
        """The form for a token."""
        return page(request, "login.html", currency, wrong=False)

    @router.post("/login")
    async def login(request: Request) -> Response:
        """A session for a right token; a browser sends it along by itself, and to this site only."""
        given = parse_qs((await request.body()).decode("utf-8", "replace")).get("token", [""])[0].strip().encode()
        if not await run_in_threadpool(tokens.accepts, given):
            return page(request, "login.html", currency, status=401, wrong=True)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(SESSION, tokens.session(given), httponly=True, samesite="strict", secure=request.url.scheme == "https")
        return answer

    @router.get("/docs")
    def calls(request: Request) -> Response:
        """Every call, from the schema."""
        return page(request, "calls.html", currency, schema=request.app.openapi())

    return router
