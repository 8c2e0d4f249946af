"""Observability: a request id, counters and what is told of every request; the outermost layer of the application.

Belongs here: what is counted of every request, the log of errors, and the one edge at which an unforeseen error becomes a 500.
Not here: the access log's lines (`access_log`), figures of the portfolio (`routes.health` asks the database when it is scraped).
"""

import json
import logging
import re
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final
from uuid import uuid4

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pricecast_dagster.api.access_log import AccessLog, Told
from pricecast_dagster.api.problems import unforeseen

REQUEST_ID: Final = "pricecast_request_id"
"""Where a request's scope has its id."""

_HEADER: Final = b"x-request-id"
_GIVEN: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
# A number and what tells this process from others: randomness for each request costs more than its access line.
_PROCESS: Final = uuid4().hex[:8]
_numbers: Final = count(1)
_error: Final = logging.getLogger("pricecast.api")


class Metrics:
    """Counters of one application; each has a registry of its own, so that two in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.seconds = Histogram(
            "pricecast_http_request_seconds",
            "Time from a request to the end of its answer.",
            ("method", "route", "status"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.launches = Counter(
            "pricecast_training_launches_total", "Trainings asked for over HTTP.", ("outcome",), registry=self.registry
        )
        for outcome in ("started", "in_flight", "failed", "refused"):
            self.launches.labels(outcome)
        self.answers = Counter("pricecast_predictions_total", "Forecasts handed out.", ("by",), registry=self.registry)
        self._observers: dict[tuple[str, str, int], Any] = {}

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request; routes are those of the application, so a client cannot make new series."""
        key = (method, route, status)
        if key not in self._observers:
            self._observers[key] = self.seconds.labels(method, route, str(status))
        self._observers[key].observe(seconds)


class JsonLines(logging.Formatter):
    """A log record as one line of JSON."""

    _own: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

    def format(self, record: logging.LogRecord) -> str:
        """The record and what was handed along as `extra`."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in self._own}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def log_as_json() -> Callable[[str], None]:
    """Write the API's log, and the server's, to standard error as JSON lines; gives what writes other lines between them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name in ("pricecast", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.INFO)
    logging.getLogger("uvicorn.access").disabled = True

    def write(lines: str) -> None:
        with handler.lock or nullcontext():
            handler.stream.write(lines)
            handler.flush()

    return write


class Observed:
    """Gives every request an id, and tells what became of it."""

    def __init__(self, app: ASGIApp, metrics: Metrics, access: AccessLog | None) -> None:
        self._app = app
        self._metrics = metrics
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = _request_id(scope)
        scope[REQUEST_ID] = request_id
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (_HEADER, request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:  # the edge of the API: one broken request must not end in silence
            _error.exception("unforeseen %s", type(error).__name__, extra={"request_id": request_id})
            if status:
                raise  # the answer is under way; the server cuts the connection, and the client sees that it is not whole
            await unforeseen(request_id)(scope, receive, sending)
        finally:
            self._tell(scope, status, time.perf_counter() - started, request_id)

    def _tell(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        route = str(getattr(scope.get("route"), "path_format", "none"))
        self._metrics.observe(scope["method"], route, status, seconds)
        if self._access is not None:
            client = scope.get("client")
            self._access.tell(
                Told(
                    ended=time.time(),
                    request_id=request_id,
                    method=scope["method"],
                    path=scope["path"],
                    route=route,
                    status=status,
                    seconds=seconds,
                    client=client[0] if client else None,
                )
            )


def _request_id(scope: Scope) -> str:
    """The caller's id where it is a harmless one, a new one otherwise."""
    for name, value in scope["headers"]:
        if name == _HEADER and _GIVEN.fullmatch(value):
            return str(value.decode())
    return f"{_PROCESS}{next(_numbers):08x}"
