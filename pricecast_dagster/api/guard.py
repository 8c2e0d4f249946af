"""Guard: what every request has to pass before any route sees it.

Belongs here: tokens, foreign sites, the size of bodies, security headers. Not here: what a token is (`tokens`), limits of one
route (with the route).
"""

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import urlsplit

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pricecast_dagster.api.observability import REQUEST_ID
from pricecast_dagster.api.problems import problem_response
from pricecast_dagster.api.tokens import Tokens

SESSION: Final = "pricecast_session"
LARGEST_BODY: Final = 1_000_000
"""Bytes; a list of 1,000 SKUs has about 20,000."""

_TOO_LARGE: Final = f"The body has more than {LARGEST_BODY:,} bytes."

OPEN: Final = frozenset({"/healthz", "/readyz", "/login"})
OPEN_FOLDER: Final = "/static/"
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "[::1]", "::1", "testserver"})
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_HEADERS: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    # Inline styles: the chart's library writes its own. Scripts come from /static alone.
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
]
_PRIVATE: Final = (b"cache-control", b"no-store")


class Guard:
    """Lets through who may pass, and dresses every answer."""

    def __init__(self, app: ASGIApp, tokens: Tokens) -> None:
        self._app = app
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await refusal(scope, receive, _dressed(send))
            return
        await self._app(scope, _limited(receive), _dressed(send))

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        request_id = scope.get(REQUEST_ID, "")
        declared = headers.get("content-length", "0")
        if declared.isdigit() and int(declared) > LARGEST_BODY:
            return _too_large(request_id)
        if not self._tokens.needed and _host(headers) not in LOOPBACK:
            # Without a token only this machine may ask; a foreign name that leads here is a page that tries to (DNS rebinding).
            return problem_response(
                403,
                f"Without a token this server answers to localhost only, not to {_host(headers)!r}.",
                remedy="Set PRICECAST_API_TOKENS.",
                request_id=request_id,
            )
        if scope["method"] not in _SAFE and _is_foreign(headers):
            return problem_response(
                403,
                "A page of another site may not ask for this.",
                remedy="Call it from outside a browser.",
                request_id=request_id,
            )
        if not self._tokens.needed or scope["path"] in OPEN or scope["path"].startswith(OPEN_FOLDER):
            return None
        if self._may_pass(headers):
            return None
        if scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
            return RedirectResponse("/login", 303)
        return problem_response(
            401,
            "A token is needed, and none or a wrong one was given.",
            remedy="Send the header `Authorization: Bearer TOKEN`.",
            request_id=request_id,
            headers={"WWW-Authenticate": 'Bearer realm="pricecast"'},
        )

    def _may_pass(self, headers: Mapping[str, str]) -> bool:
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self._tokens.accepts(token.strip().encode("latin-1", "replace"))
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(SESSION)
        except CookieError:
            return False
        return cookie is not None and self._tokens.accepts_session(cookie.value)


def _host(headers: Mapping[str, str]) -> str:
    host = headers.get("host", "")
    return host if host.endswith("]") else host.rpartition(":")[0] or host


def _is_foreign(headers: Mapping[str, str]) -> bool:
    """Whether a browser sends this from a page of another site; other clients send neither header."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host", "")


def _too_large(request_id: str) -> Response:
    return problem_response(413, _TOO_LARGE, remedy="Ask for fewer products at once.", request_id=request_id)


def _limited(receive: Receive) -> Receive:
    taken = 0

    async def receiving() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > LARGEST_BODY:
            # Of a body that did not declare its length.
            raise HTTPException(413, _TOO_LARGE)
        return message

    return receiving


def _dressed(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", []))
            cached = any(name == b"cache-control" for name, _ in given)
            message["headers"] = [*given, *_HEADERS, *([] if cached else [_PRIVATE])]
        await send(message)

    return sending
