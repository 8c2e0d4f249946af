"""`pricecast serve` before and while it listens."""

import json
import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

from pricecast_dagster.cli.main import main
from pricecast_dagster.orchestration.processes import free_port


def test_without_a_token_it_listens_on_loopback_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRICECAST_HOME", str(tmp_path))
    result = CliRunner().invoke(main, ["serve", "--host", "0.0.0.0"])
    assert result.exit_code == 2
    assert "on loopback only" in result.stderr
    assert "PRICECAST_API_TOKENS" in result.stderr


def test_a_port_that_is_taken_is_told_with_what_to_do_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRICECAST_HOME", str(tmp_path / "home"))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = CliRunner().invoke(main, ["serve", "--port", str(port)])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert f"Port {port} of 127.0.0.1 is taken." in result.stderr
    assert "Choose another with --port" in result.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(("host", "told"), [("192.0.2.1", "is no address of this machine"), ("no host", "There is no address")])
def test_an_address_of_another_machine_is_told(host: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRICECAST_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PRICECAST_API_TOKENS", '["a-token-of-more-than-sixteen"]')
    result = CliRunner().invoke(main, ["serve", "--host", host])
    assert result.exit_code == 1
    assert told in result.stderr
    assert "--host" in result.stderr


def test_the_schema_is_printed_without_touching_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRICECAST_HOME", str(tmp_path / "home"))
    result = CliRunner().invoke(main, ["serve", "--schema"])
    assert result.exit_code == 0
    assert "/ml/predict/{sku}" in json.loads(result.stdout)["paths"]
    assert not (tmp_path / "home").exists()


def test_it_tells_where_it_listens_logs_in_json_and_ends_on_a_signal(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-c", "from pricecast_dagster.cli.main import main; main()", "serve", "--port", str(port)]
    environment = {**os.environ, "PRICECAST_HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline().split() == ["API", f"http://127.0.0.1:{port}"]
            assert child.stderr is not None
            assert any("running on" in line for line in iter(child.stderr.readline, ""))
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30) as answer:
                assert json.load(answer) == {"status": "ok"}
        finally:
            child.terminate()
        _, log = child.communicate(timeout=30)
    lines = [json.loads(line) for line in log.splitlines()]
    assert [line["path"] for line in lines if line["logger"] == "pricecast.api.access"] == ["/healthz"]
