"""`pricecast up` as a person starts and stops it, also the hard way."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from click.testing import CliRunner

from pricecast_dagster.cli.main import main
from pricecast_dagster.errors import LaunchError
from pricecast_dagster.orchestration.client import DagsterClient
from pricecast_dagster.orchestration.launch import running
from pricecast_dagster.orchestration.processes import free_port
from pricecast_dagster_tests.shop import open_shop

pytestmark = pytest.mark.e2e

PRICECAST = [sys.executable, "-c", "from pricecast_dagster.cli.main import main; main()"]


@contextmanager
def up(folder: Path, port: int, api_port: int | None = None) -> "Iterator[subprocess.Popen[str]]":
    """`pricecast up` from its first to its last line."""
    shop = open_shop(folder, products=1)
    environment = {**os.environ, "PRICECAST_HOME": shop.settings.home, "PRICECAST_SOURCE": shop.settings.source}
    command = [*PRICECAST, "up", "--port", str(port), "--api-port", str(api_port or free_port())]
    # Tests that a script started in its background ignore Ctrl-C, and what they start would inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert any(line.startswith("Ctrl-C") for line in iter(child.stdout.readline, "")), f"it ended with {child.wait()}"
        yield child
        child.kill()


def processes_of(home: Path) -> list[int]:
    word = f"DAGSTER_HOME={home / 'dagster'}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and word in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_all_it_started(number: signal.Signals, tmp_path: Path) -> None:
    port, api_port = free_port(), free_port()
    with up(tmp_path, port, api_port) as child:
        assert DagsterClient(f"http://127.0.0.1:{port}").problem() is None
        with urlopen(f"http://127.0.0.1:{api_port}/readyz") as answer:
            assert answer.status == 200
        assert len(processes_of(tmp_path / "home")) >= 4
        child.send_signal(number)
        assert child.wait(30) == 0
    assert processes_of(tmp_path / "home") == []


def test_a_second_one_on_the_same_home_is_refused_and_what_a_killed_one_left_is_ended(tmp_path: Path) -> None:
    settings = open_shop(tmp_path, products=1).settings
    with up(tmp_path, free_port()) as child:
        with pytest.raises(LaunchError, match=f"already runs .*process {child.pid}"), running(settings):
            pass
        child.kill()
    left = set(processes_of(tmp_path / "home"))
    assert len(left) >= 3
    with running(settings) as dagster:
        assert dagster.client.problem() is None
        assert not left & set(processes_of(tmp_path / "home"))
    assert processes_of(tmp_path / "home") == []


def test_a_taken_port_is_told_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = open_shop(tmp_path, products=1)
    monkeypatch.setenv("PRICECAST_HOME", shop.settings.home)
    monkeypatch.setenv("PRICECAST_SOURCE", shop.settings.source)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = CliRunner().invoke(main, ["up", "--port", str(taken.getsockname()[1])])
    assert result.exit_code == 1
    assert "is taken" in result.stderr
    assert "--port" in result.stderr


def test_code_that_cannot_be_loaded_is_told_with_its_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = open_shop(tmp_path, products=1)
    with (
        pytest.raises(LaunchError, match=r"code server has ended .*PRICECAST_HORIZON_DAYS"),
        running(shop.settings, environment={"PRICECAST_HORIZON_DAYS": "99"}),
    ):
        pass
