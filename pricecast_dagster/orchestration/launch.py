"""Launch: Dagster's three processes on this machine, from start to certain end.

Belongs here: starting code server, webserver and daemon on loopback, waiting until they work, stopping them. Not here: what
`dagster.yaml` says (`instance`), questions to a running webserver (`client`). Nothing of Dagster is imported.

One code server for both, and not `dagster dev`: that starts four processes that import everything (17-23 s until it answers,
about 10 s here) and lives on for more than 20 s after SIGTERM.
"""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from pricecast_dagster.errors import LaunchError
from pricecast_dagster.orchestration.client import LOCATION, DagsterClient
from pricecast_dagster.orchestration.instance import POSTGRES_ENVIRONMENT, is_postgres, prepare_home
from pricecast_dagster.settings import Settings

HOST: Final = "127.0.0.1"
START_SECONDS: Final = 180.0
# `dagster api grpc` ignores SIGTERM for long; what has not ended by then holds nothing that a kill could harm: every chunk is
# one transaction.
GRACE_SECONDS: Final = 6.0
LOOK_SECONDS: Final = 0.2

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Process:
    """One child, the leader of its own process group, and the file its output goes to."""

    name: str
    child: "subprocess.Popen[bytes]"
    log: Path

    def last_lines(self, count: int = 15) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])


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
            LaunchError: one has ended; names it and shows the end of its log.
        """
        for process in self.processes:
            code = process.child.poll()
            if code is not None:
                raise LaunchError(
                    f"The Dagster {process.name} has ended with code {code}:\n{process.last_lines()}",
                    remedy=f"The whole log is {process.log}.",
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
    settings: Settings, *, port: int = 0, environment: Mapping[str, str] | None = None, tell: Tell = lambda _: None
) -> Iterator[Dagster]:
    """Dagster on loopback for as long as the block lasts.

    Args:
        settings: handed on to all processes through their environment.
        port: of the webserver; 0 takes a free one.
        environment: more variables for the processes.
        tell: gets a line for each step of the start.

    Raises:
        LaunchError: a port is taken, Dagster already runs on this home, or a process does not come up.
    """
    if port and not _is_free(port):
        raise LaunchError(f"Port {port} of {HOST} is taken.", remedy="Choose another with --port, or stop what listens there.")
    port = port or free_port()
    home = prepare_home(settings)
    url = f"http://{HOST}:{port}"
    with _lock(home, url) as lock:
        dagster = Dagster(url, home, DagsterClient(url))
        try:
            _start(dagster, port, lock, _environment(settings, home) | dict(environment or {}), tell)
            yield dagster
        finally:
            stop(dagster.processes)


def stop(processes: list[Process]) -> None:
    """End processes and everything they started: ask, wait, then kill their groups; returns when all are gone."""
    for process in processes:
        _signal(process.child.pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.child.wait(max(0.0, deadline - time.monotonic()))
    for process in processes:
        # Also where the leader is gone: a run's worker may outlive it in the group.
        _signal(process.child.pid, signal.SIGKILL)
        process.child.wait()


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def _start(dagster: Dagster, port: int, lock: IO[str], environment: Mapping[str, str], tell: Tell) -> None:
    code_port = free_port()
    workspace = dagster.home / "workspace.yaml"
    server = {"host": HOST, "port": code_port, "location_name": LOCATION}
    workspace.write_text(json.dumps({"load_from": [{"grpc_server": server}]}, indent=2) + "\n")

    def spawn(name: str, *command: str) -> None:
        log = dagster.home / "logs" / f"{name.replace(' ', '-')}.log"
        with log.open("wb") as output:
            child = subprocess.Popen(
                [sys.executable, "-m", *command],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[lock.fileno()],
            )
        dagster.processes.append(Process(name, child, log))
        _note(lock, dagster)

    tell("starting the code server")
    spawn("code server", "dagster", "api", "grpc", "-m", LOCATION, "-h", HOST, "-p", str(code_port))
    # The others load code once, when they start: they must find the server.
    dagster.wait_until(lambda: not _is_free(code_port), "the code server does not listen", START_SECONDS)
    tell("starting webserver and daemon")
    spawn("daemon", "dagster._daemon", "run", "-w", str(workspace))
    spawn("webserver", "dagster_webserver", "-h", HOST, "-p", str(port), "-w", str(workspace))
    problems = ["the webserver does not answer"]

    def ready() -> bool:
        try:
            problem = dagster.client.problem()
        except LaunchError:
            return False
        problems.append(problem or "")
        return problem is None

    deadline = time.monotonic() + START_SECONDS
    while not ready():
        dagster.watch()
        if "cannot be loaded" in problems[-1] or time.monotonic() > deadline:
            raise LaunchError(f"Dagster does not come up: {problems[-1]}.", remedy=f"Logs are in {dagster.home / 'logs'}.")
        time.sleep(LOOK_SECONDS)
    tell(f"Dagster answers at {dagster.url}")


def _environment(settings: Settings, home: Path) -> dict[str, str]:
    """The children's environment: ours, with the settings in force spelled out, so that they see what we see."""
    given = settings.model_dump(mode="json", include=settings.model_fields_set - {"api_tokens"})
    spelled = {
        f"PRICECAST_{name.upper()}": value if isinstance(value, str) else json.dumps(value) for name, value in given.items()
    }
    driver = {POSTGRES_ENVIRONMENT: settings.database} if is_postgres(settings) else {}
    # One thread each for BLAS and OpenMP: the parallelism is in processes, and threads on top cost up to ten times the time.
    quiet = {"DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "1", "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
    return {**os.environ, **spelled, **driver, **quiet}


@contextmanager
def _lock(home: Path, url: str) -> Iterator[IO[str]]:
    """Hold the home for one Dagster at a time.

    The children inherit the lock: it is free only when all of them are gone, also after this process was killed.
    """
    with (home / "running.json").open("a+") as file:
        if not _try_lock(file):
            file.seek(0)
            earlier = json.loads(file.read() or "{}")
            if _lives(earlier.get("owner", 0)):
                raise LaunchError(
                    f"Dagster already runs on {home} (process {earlier['owner']}, {earlier.get('url')}).",
                    remedy="Use that one, or stop it first.",
                )
            _end_orphans(file, earlier.get("groups", []))
        file.truncate(0)
        json.dump({"owner": os.getpid(), "url": url, "groups": []}, file)
        file.flush()
        yield file


def _note(file: IO[str], dagster: Dagster) -> None:
    file.truncate(0)
    groups = [process.child.pid for process in dagster.processes]
    json.dump({"owner": os.getpid(), "url": dagster.url, "groups": groups}, file)
    file.flush()


def _end_orphans(file: IO[str], groups: list[int]) -> None:
    """End what a killed launcher left behind: an old code server would answer with old code for ever."""
    for group in groups:
        _signal(group, signal.SIGKILL)
    deadline = time.monotonic() + GRACE_SECONDS
    while not _try_lock(file):
        if time.monotonic() > deadline:
            raise LaunchError(f"Processes {groups} of an earlier Dagster on this home do not end.", remedy="Kill them by hand.")
        time.sleep(LOOK_SECONDS)


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)


def _lives(process: int) -> bool:
    if process <= 0:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) != 0
