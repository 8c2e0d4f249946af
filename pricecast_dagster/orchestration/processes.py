"""Processes: children that are started for certain and end for certain, and the lock that knows of them.

Belongs here: groups, signals, ports, and who holds a home. Not here: which processes (`launch`).
"""

import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from pricecast_dagster.errors import LaunchError

HOST: Final = "127.0.0.1"
# `dagster api grpc` ignores SIGTERM for long; what has not ended by then holds nothing that a kill could harm: every chunk is
# one transaction.
GRACE_SECONDS: Final = 6.0
LOOK_SECONDS: Final = 0.2

_ERROR: Final = re.compile(r"[\w.]*(Error|Exception)\b")


@dataclass(frozen=True)
class Process:
    """One child, the leader of its own process group, and the file its output goes to."""

    name: str
    child: "subprocess.Popen[bytes]"
    log: Path

    def cause(self) -> str:
        """What its log says it ended of: an error of ours, else the first one, which Dagster's only wrap, else its last line."""
        lines = self.log.read_text(errors="replace").splitlines()
        errors = [line for line in lines if _ERROR.match(line)]
        ours = [line for line in errors if line.startswith("pricecast_dagster.")]
        return (ours[:1] or errors[:1] or lines[-1:] or ["its log is empty"])[0]


def start(name: str, command: Sequence[str], environment: Mapping[str, str], log: Path, lock: IO[str]) -> Process:
    """Start a Python module as a child that leads its own group and inherits the lock.

    Args:
        command: module and arguments.
        log: what it prints goes there, in place of what an earlier one printed.
    """
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
    return Process(name, child, log)


def stop(processes: Sequence[Process]) -> None:
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


def is_free(port: int) -> bool:
    """Whether nobody listens on a port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) != 0


@contextmanager
def lock_home(home: Path, url: str) -> Iterator[IO[str]]:
    """Hold a home for one Dagster at a time.

    Children inherit the lock: it is free only when all of them are gone, also after their launcher was killed.

    Raises:
        LaunchError: another Dagster runs on this home.
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
        note(file, url, [])
        yield file


def note(lock: IO[str], url: str, processes: Sequence[Process]) -> None:
    """Write into the lock who holds it, for whoever finds it taken."""
    lock.truncate(0)
    json.dump({"owner": os.getpid(), "url": url, "groups": [process.child.pid for process in processes]}, lock)
    lock.flush()


def _end_orphans(lock: IO[str], groups: Sequence[int]) -> None:
    """End what a killed launcher left behind: an old code server would answer with old code for ever."""
    for group in groups:
        _signal(group, signal.SIGKILL)
    deadline = time.monotonic() + GRACE_SECONDS
    while not _try_lock(lock):
        if time.monotonic() > deadline:
            raise LaunchError(f"Processes {groups} of an earlier Dagster on this home do not end.", remedy="Kill them by hand.")
        time.sleep(LOOK_SECONDS)


def _try_lock(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
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
