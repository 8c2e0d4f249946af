"""The services of docker-compose.yml as processes: the same commands and checks, a real PostgreSQL, no container engine.

What an engine would do is done by hand: names of services become loopback and free ports, folders of the image become temporary
ones. As in the containers nobody is root, and what is not a volume cannot be written to.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import pytest
import yaml

from pricecast_dagster.orchestration.processes import free_port
from pricecast_dagster_tests.postgres import postgres_server
from pricecast_dagster_tests.shop import open_shop

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
STARTED = ("migrate", "code", "webserver", "daemon", "api")
TOKEN = "a-long-random-token"
SECONDS = 280.0


@dataclass
class Host:
    """Where the image's folders and the network's names are here."""

    folder: Path
    database_url: str
    ports: Mapping[str, str]

    def here(self, text: str) -> str:
        for there, replacement in {
            "0.0.0.0": "127.0.0.1",
            "/etc/pricecast": str(self.folder / "etc"),
            "/var/lib/pricecast": str(self.folder / "lib"),
            "/source": str(self.folder / "source"),
            "webserver:": "127.0.0.1:",
            **self.ports,
        }.items():
            text = text.replace(there, replacement)
        return text

    def command(self, words: list[str]) -> list[str]:
        program = Path(sys.executable) if words[0] == "python" else Path(sys.executable).parent / words[0]
        as_user = ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []
        return [*as_user, str(program), *(self.here(word) for word in words[1:])]

    def environment(self, service: str) -> dict[str, str]:
        image = {
            "DAGSTER_HOME": "/var/lib/pricecast/dagster",
            "PRICECAST_HOME": "/var/lib/pricecast/home",
            "PRICECAST_SOURCE": "/source",
            "OMP_NUM_THREADS": "1",
        }
        given = {**image, **SERVICES[service]["environment"], "PRICECAST_COUNTRY": "BR", "PRICECAST_COMPUTE": "local"}
        values = {name: self.here(str(value)) for name, value in given.items()}
        values["PRICECAST_DATABASE_URL"] = self.database_url
        values["PRICECAST_TRIALS"] = "2"
        if "PRICECAST_API_TOKENS" in given:
            values["PRICECAST_API_TOKENS"] = json.dumps([TOKEN])
        kept = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "OPENBLAS_CORETYPE")
        return {name: os.environ[name] for name in kept if name in os.environ} | values | {"HOME": str(self.folder / "lib")}

    def run(self, service: str, words: list[str]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.command(words), env=self.environment(service), capture_output=True, text=True, timeout=SECONDS, check=False
        )


def wait(what: str, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not done():
        assert time.monotonic() < deadline, f"still waiting: {what}"
        time.sleep(0.5)


def ask(url: str, method: str = "GET") -> dict[str, Any]:
    request = Request(url, method=method, headers={"Authorization": f"Bearer {TOKEN}"})
    with build_opener(ProxyHandler({})).open(request, timeout=SECONDS) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    shop = open_shop(tmp_path, products=2)
    for name in ("etc", "lib/home", "lib/dagster/storage"):
        (tmp_path / name).mkdir(parents=True)
    shutil.copy(ROOT / "deploy" / "dagster-postgres.yaml", tmp_path / "lib" / "dagster" / "dagster.yaml")
    ports = {port: str(free_port()) for port in ("4000", "3000", "8000")}
    workspace = (ROOT / "deploy" / "workspace.yaml").read_text().replace("host: code", "host: 127.0.0.1")
    (tmp_path / "etc" / "workspace.yaml").write_text(workspace.replace("4000", ports["4000"]))
    for folder in (tmp_path / "lib", tmp_path / "lib" / "dagster", tmp_path / "etc", Path(shop.settings.source)):
        folder.chmod(0o555)
    with postgres_server() as new_database:
        yield Host(tmp_path, new_database(), ports)
    for folder in (tmp_path / "lib", tmp_path / "lib" / "dagster"):
        folder.chmod(0o755)


def test_the_services_bring_a_retailer_to_a_forecast_over_http(host: Host) -> None:
    with ExitStack() as stack:
        for service in STARTED:
            command = SERVICES[service]["command"]
            if SERVICES[service]["restart"] == "no":
                done = host.run(service, command)
                assert done.returncode == 0, f"{service}: {done.stderr}"
                continue
            log = stack.enter_context((host.folder / f"{service}.log").open("wb"))
            child = subprocess.Popen(
                host.command(command), env=host.environment(service), stdout=log, stderr=log, start_new_session=True
            )
            stack.callback(_end, child)
            check = [word for word in SERVICES[service]["healthcheck"]["test"] if word != "CMD"]
            wait(f"{service} is not healthy", lambda c=check, s=service: host.run(s, c).returncode == 0)
            assert child.poll() is None, f"{service} has ended: {(host.folder / f'{service}.log').read_text()[-2000:]}"
        api = f"http://127.0.0.1:{host.ports['8000']}"
        wait("no forecast", lambda: _has_forecast(api))
        assert ask(f"{api}/ml/train/SKU0001?optimize=false&wait=true&timeout_s=200", "POST")["success"] is True
    assert list((host.folder / "lib" / "home").iterdir())


def _has_forecast(api: str) -> bool:
    try:
        return not ask(f"{api}/ml/predict/SKU0002")["stale"]
    except OSError:  # also the 404 of before the first run
        return False


def _end(child: "subprocess.Popen[bytes]") -> None:
    """The process and all it started, certainly."""
    os.killpg(child.pid, 9)
    child.wait()
