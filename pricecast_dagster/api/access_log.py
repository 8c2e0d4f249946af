"""The access log: one JSON line a request, written in batches by a thread of its own.

Belongs here: the line, and that none is lost. Not here: what happened (`observability` tells), the log of errors (`logging`).

Through `logging` a line costs as much as three forecasts from memory; put together here and written ten times a second it costs a
tenth of that. The last lines are written when the application ends; only a process that is killed loses those of its last
tenth of a second.
"""

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event, Lock, Thread
from typing import Final

SECONDS: Final = 0.1
MOST_WAITING: Final = 10_000
"""Lines; with more the request writes them itself, so that a reader who is slow slows down the server and not its memory."""


@dataclass(frozen=True, slots=True)
class Told:
    """A request that was answered; `path` without the query: a careless client may put a token there."""

    ended: float
    request_id: str
    method: str
    path: str
    route: str
    status: int
    seconds: float
    client: str | None


class AccessLog:
    """Takes requests from any thread, and hands their lines to `write` in the order in which they came.

    Before `start` and after `close` each line is written at once.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._waiting: deque[str] = deque()
        self._writing = Lock()
        self._closed = Event()
        self._closed.set()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Begin to write in batches."""
        self._closed.clear()
        self._thread = Thread(target=self._work, name="access-log", daemon=True)
        self._thread.start()

    def tell(self, told: Told) -> None:
        """Take a request."""
        # Put together here and not in the thread, which would keep everybody waiting while it does it for hundreds of lines.
        self._waiting.append(line(told))
        if self._closed.is_set() or len(self._waiting) > MOST_WAITING:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        with self._writing:
            lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
            if not lines:
                return
            try:
                self._write("".join(lines))
            except (OSError, ValueError):
                # Nobody reads the log any more; that is no reason to answer no more.
                return

    def close(self) -> None:
        """Write what waits."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.flush()

    def _work(self) -> None:
        while not self._closed.wait(SECONDS):
            self.flush()


def line(told: Told) -> str:
    """A request as a line of JSON."""
    found = {
        "time": datetime.fromtimestamp(told.ended, UTC).isoformat(timespec="milliseconds"),
        "level": "info",
        "logger": "pricecast.api.access",
        "message": "request",
        "request_id": told.request_id,
        "method": told.method,
        "path": told.path,
        "route": told.route,
        "status": told.status,
        "milliseconds": round(1000 * told.seconds, 2),
        "client": told.client,
    }
    return json.dumps(found) + "\n"
