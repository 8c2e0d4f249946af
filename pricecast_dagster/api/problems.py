"""Problems: every error as a problem document (RFC 9457) that says what, where and what to do.

Belongs here: the document, and which status an error has. Not here: raising them.
"""

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from pricecast_dagster.errors import PricecastError, StorageError
from pricecast_dagster.storage.json_text import to_json

PROBLEM_TYPE = "application/problem+json"
ROLLBACK = "/rollback"
"""How the address of a rollback ends, which begins like that of a model."""

_REMEDIES = {
    400: "Send a body of JSON in UTF-8.",
    405: "Use one of these; /docs lists the calls there are.",
    413: "Ask for fewer products at once.",
}
"""For what a framework refuses by its status alone."""

_log = logging.getLogger("pricecast.api")

_TITLES = {
    400: "Bad request",
    401: "Not authorised",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    422: "Wrong input",
    429: "Too many requests",
    500: "Internal error",
    503: "Not available",
}


class Fault(BaseModel):
    """One value that cannot be used."""

    where: str = Field(description="path of the value", examples=["query.days_ahead"])
    what: str = Field(description="what is wrong with it", examples=["Input should be less than or equal to 60"])


class Problem(BaseModel):
    """A problem document."""

    type: str = Field("about:blank", description="kind of the problem; about:blank means the status says it all")
    title: str = Field(description="the status in words", examples=["Not found"])
    status: int = Field(description="the HTTP status", examples=[404])
    detail: str = Field(description="what is wrong, and where", examples=["There is no product 'A-17'."])
    remedy: str = Field("", description="what to do next", examples=["`pricecast ingest` takes up new products."])
    instance: str = Field("", description="id of the request, as in the log", examples=["3f2c7a9d51c84e0a"])
    errors: list[Fault] = Field(default_factory=list, description="each value that cannot be used")


def problem_response(
    status: int,
    detail: str,
    *,
    remedy: str = "",
    request_id: str = "",
    faults: list[Fault] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem document as a response."""
    problem = Problem(
        type="about:blank",
        title=_TITLES.get(status, "Error"),
        status=status,
        detail=detail,
        remedy=remedy,
        instance=request_id,
        errors=faults or [],
    )
    # Lone surrogates of an echoed input have no form in UTF-8.
    content = to_json(problem.model_dump()).encode("utf-8", "replace")
    return Response(content, status, media_type=PROBLEM_TYPE, headers=dict(headers or {}))


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: the problems it may answer with, beside those that every route may."""
    shown = sorted({401, 422, 503, *statuses})
    content = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _TITLES[status], "content": content} for status in shown}


def status_of(error: PricecastError) -> int:
    """The HTTP status of an error; a store that is broken is not available, whatever broke it."""
    return 503 if isinstance(error, StorageError) and error.http_status == 500 else error.http_status


def request_id_of(request: Request) -> str:
    """The id of a request, as in the log."""
    return str(request.scope.get("pricecast_request_id", ""))


def install(app: FastAPI) -> None:
    """Answer every error of an application with a problem document."""

    @app.exception_handler(PricecastError)
    async def _ours(request: Request, error: PricecastError) -> Response:
        status = status_of(error)
        headers = {"Retry-After": "5"} if status == 503 else {}
        detail = str(error.args[0]) if error.args else type(error).__name__
        if status >= 500:
            _log.error(detail, extra={"request_id": request_id_of(request), "error": type(error).__name__})
        return problem_response(status, detail, remedy=error.remedy, request_id=request_id_of(request), headers=headers)

    @app.exception_handler(RequestValidationError)
    async def _wrong_input(request: Request, error: RequestValidationError) -> Response:
        faults = [Fault(where=".".join(map(str, fault["loc"])), what=str(fault["msg"])) for fault in error.errors()]
        told = "; ".join(f"{fault.where}: {fault.what}" for fault in faults)
        return problem_response(
            422, told, remedy="Mend the values named in `errors`.", request_id=request_id_of(request), faults=faults
        )

    @app.exception_handler(HTTPException)
    async def _by_status(request: Request, error: HTTPException) -> Response:
        detail, remedy = error.detail, _REMEDIES.get(error.status_code, "")
        if error.status_code == 404 and detail == "Not Found":
            detail, remedy = "There is no such address.", "/docs lists the calls there are."
        if error.status_code == 400:
            detail = "The body of the request cannot be read."
        headers = dict(error.headers or {})
        if error.status_code == 405:
            # Each method of an address is a route of its own, and knows of no other.
            address = str(getattr(request.scope.get("route"), "path_format", ""))
            if not address.endswith(ROLLBACK) and request.scope.get("raw_path", b"").endswith(ROLLBACK.encode()):
                address += ROLLBACK
            known = app.openapi()["paths"].get(address, {})
            methods = {*map(str.upper, known), *(["HEAD"] if "get" in known else [])}
            headers["Allow"] = ", ".join(sorted(methods)) or headers.get("Allow", "")
            detail = f"{request.method} is not among the methods of this address: {headers['Allow']}."
        return problem_response(error.status_code, detail, remedy=remedy, request_id=request_id_of(request), headers=headers)


def unforeseen(request_id: str) -> Response:
    """The answer to an error that nobody expected: the log has the traceback, the answer only the id to find it by."""
    return problem_response(
        500,
        "Something went wrong here that should not.",
        remedy="Look for the request's id in the log of the API.",
        request_id=request_id,
    )
