"""Launch: Dagster's three processes on this machine, from start to certain end.

Belongs here: starting code server, webserver and daemon on loopback, waiting until they work. Not here: what `dagster.yaml` says
(`instance`), children as such (`processes`), questions to a running webserver (`client`). Nothing of Dagster is imported.

One code server for both, and not `dagster dev`: that starts four processes that import everything (17-23 s until it answers,
5-10 s here) and lives on for more than 20 s after SIGTERM.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from pricecast_dagster.errors import LaunchError
from pricecast_dagster.operations.ports import require_free
from pricecast_dagster.orchestration.client import LOCATION, DagsterClient
from pricecast_dagster.orchestration.instance import POSTGRES_ENVIRONMENT, is_postgres, prepare_home
from pricecast_dagster.orchestration.processes import (
    HOST,
    LOOK_SECONDS,
    Process,
    free_port,
    is_free,
    lock_home,
    note,
    start,
    stop,
)
from pricecast_dagster.settings import SECRETS, Settings

START_SECONDS: Final = 180.0

Tell = Callable[[str], None]


@dataclass
class Dagster:
    """A running Dagster.

    Attributes:
        url: of the webserver.
        home: its DAGSTER_HOME; the logs lie in `home/logs`.
    """

    url: str
    home: Path
    client: DagsterClient
    processes: list[Process] = field(default_factory=list)

    def watch(self) -> None:
        """Look whether all processes live.

        Raises:
            LaunchError: one has ended; names it and says of what.
        """
        for process in self.processes:
            code = process.child.poll()
            if code is not None:
                raise LaunchError(
                    f"The Dagster {process.name} has ended with code {code}: {process.cause().rstrip('.')}.",
                    remedy=f"Its log is {process.log}.",
                )

    def wait_until(self, done: Callable[[], bool], what: str, seconds: float) -> None:
        """Look again and again until `done` is true.

        Raises:
            LaunchError: it took longer than so many seconds, or a process has ended.
        """
        deadline = time.monotonic() + seconds
        while not done():
            self.watch()
            if time.monotonic() > deadline:
                raise LaunchError(f"After {seconds:.0f} s still waiting: {what}.", remedy=f"Logs are in {self.home / 'logs'}.")
            time.sleep(LOOK_SECONDS)


@contextmanager
def running(
    settings: Settings,
    *,
    port: int = 0,
    api_port: int | None = None,
    environment: Mapping[str, str] | None = None,
    tell: Tell = lambda _: None,
) -> Iterator[Dagster]:
    """Dagster on loopback for as long as the block lasts, and the HTTP API beside it where a port is given for it.

    Args:
        settings: handed on to all processes through their environment.
        port: of the webserver; 0 takes a free one.
        api_port: of the HTTP API; None starts none.
        environment: more variables for the processes.
        tell: gets a line for each step of the start.

    Raises:
        LaunchError: a port is taken, Dagster already runs on this home, or a process does not come up.
    """
    for option, wanted in (("--port", port), ("--api-port", api_port)):
        if wanted:
            require_free(HOST, wanted, option)
    port = port or free_port()
    home = prepare_home(settings)
    url = f"http://{HOST}:{port}"
    with lock_home(home, url) as lock:
        dagster = Dagster(url, home, DagsterClient(url))
        try:
            told = _environment(settings, home) | dict(environment or {})
            if api_port is not None:
                told.setdefault("PRICECAST_API_URL", f"http://{HOST}:{api_port}")  # Dagster's pages link to it
            _start(dagster, port, lock, told, tell)
            if api_port is not None:
                _start_api(dagster, api_port, lock, told, tell)
            yield dagster
        finally:
            stop(dagster.processes)


def _start(dagster: Dagster, port: int, lock: IO[str], environment: Mapping[str, str], tell: Tell) -> None:
    code_port = free_port()
    workspace = dagster.home / "workspace.yaml"
    server = {"host": HOST, "port": code_port, "location_name": LOCATION}
    workspace.write_text(json.dumps({"load_from": [{"grpc_server": server}]}, indent=2) + "\n")

    def spawn(name: str, *command: str) -> None:
        log = dagster.home / "logs" / f"{name.replace(' ', '-')}.log"
        dagster.processes.append(start(name, command, environment, log, lock))
        note(lock, dagster.url, dagster.processes)

    tell("starting the code server")
    spawn("code server", "dagster", "api", "grpc", "-m", LOCATION, "-h", HOST, "-p", str(code_port))
    # The others load code once, when they start: they must find the server.
    dagster.wait_until(lambda: not is_free(code_port), "the code server does not listen", START_SECONDS)
    tell("starting webserver and daemon")
    spawn("daemon", "dagster._daemon", "run", "-w", str(workspace))
    spawn("webserver", "dagster_webserver", "-h", HOST, "-p", str(port), "-w", str(workspace))
    dagster.wait_until(lambda: _is_ready(dagster), "webserver and daemon do not come up", START_SECONDS)
    tell(f"Dagster answers at {dagster.url}")


def _start_api(dagster: Dagster, port: int, lock: IO[str], environment: Mapping[str, str], tell: Tell) -> None:
    tell("starting the HTTP API")
    told = {**environment, "PRICECAST_DAGSTER_URL": dagster.url}
    command = ("pricecast_dagster", "serve", "--port", str(port))
    dagster.processes.append(start("API", command, told, dagster.home / "logs" / "api.log", lock))
    note(lock, dagster.url, dagster.processes)
    dagster.wait_until(lambda: not is_free(port), "the HTTP API does not listen", START_SECONDS)


def _is_ready(dagster: Dagster) -> bool:
    try:
        problem = dagster.client.problem()
    except LaunchError:
        return False  # the webserver does not listen yet
    if problem is not None and "cannot be loaded" in problem:
        raise LaunchError(f"Dagster does not come up: {problem}", remedy=f"Logs are in {dagster.home / 'logs'}.")
    return problem is None


def _environment(settings: Settings, home: Path) -> dict[str, str]:
    """The children's environment: ours, with the settings in force spelled out, so that they see what we see."""
    given = settings.model_dump(mode="json", include=settings.model_fields_set - SECRETS)
    spelled = {
        f"PRICECAST_{name.upper()}": value if isinstance(value, str) else json.dumps(value) for name, value in given.items()
    }
    driver = {POSTGRES_ENVIRONMENT: settings.database} if is_postgres(settings) else {}
    # One thread each for BLAS and OpenMP: the parallelism is in processes, and threads on top cost up to ten times the time.
    quiet = {"DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "1", "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
    return {**os.environ, **spelled, **driver, **quiet}
