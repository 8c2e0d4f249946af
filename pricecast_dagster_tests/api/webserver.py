"""A small server that speaks the GraphQL of Dagster's webserver, and errs where the real one was seen to.

Belongs here: runs by their tags, and troubles. Not here: good ways; those run against a real Dagster (`e2e`).
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Event, Thread
from typing import Any

MADE_ALL_THE_SAME = "500, and the run is there"
NOT_MADE = "500, and no run is there"
DOWN = "500 for ever"


@dataclass
class Webserver:
    """Runs by their tags, and what the next launches answer; `status` is what a new run has.

    Attributes:
        open: a launch waits for it; looks: how often runs were asked for; news: told of every launch and look.
    """

    url: str = ""
    troubles: list[str] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    launches: int = 0
    status: str = "QUEUED"
    open: Event = field(default_factory=Event)
    looks: int = 0
    news: Condition = field(default_factory=Condition)

    def __post_init__(self) -> None:
        self.open.set()

    def wait(self, until: Callable[[], bool]) -> None:
        """Until launches and looks are as wanted."""
        with self.news:
            assert self.news.wait_for(until, timeout=30)

    def answer(self, query: str, variables: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if "launchRun" in query:
            with self.news:
                self.launches += 1
                self.news.notify_all()
            assert self.open.wait(30)
            trouble = self.troubles.pop(0) if self.troubles else ""
            run = {
                "runId": f"run-{len(self.runs)}",
                "status": self.status,
                "tags": variables["parameters"]["executionMetadata"]["tags"],
                "config": variables["parameters"]["runConfigData"]["ops"]["pricecast"]["config"],
            }
            if trouble in ("", MADE_ALL_THE_SAME):
                self.runs.append(run)
            if trouble == DOWN:
                self.troubles.append(DOWN)
            return (500, {}) if trouble else (200, {"launchRun": {"__typename": "LaunchRunSuccess", "run": run}})
        if "runsOrError" in query:
            with self.news:
                self.looks += 1
                self.news.notify_all()
            wanted = variables["filter"]
            statuses = wanted.get("statuses") or ["QUEUED", "SUCCESS", "FAILURE", "CANCELED"]
            found = [run for run in self.runs if run["status"] in statuses and all(tag in run["tags"] for tag in wanted["tags"])]
            return 200, {"runsOrError": {"results": found[: variables["limit"]]}}
        named = [run for run in self.runs if run["runId"] == variables["id"]]
        return 200, {"runOrError": {"__typename": "Run", **named[0]} if named else {"__typename": "RunNotFoundError"}}


@contextmanager
def small_webserver() -> Iterator[Webserver]:
    state = Webserver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, data = state.answer(asked["query"], asked["variables"])
            content = json.dumps({"data": data}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield state
        server.shutdown()
        thread.join()
