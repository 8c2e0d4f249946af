"""The files for containers: they name what there is."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pricecast_dagster.orchestration.client import LOCATION
from pricecast_dagster.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if name != "postgres"}


@pytest.mark.parametrize("service", OURS)
def test_every_service_starts_a_program_that_is_installed(service: str) -> None:
    program = OURS[service]["command"][0]
    assert shutil.which(program, path=Path(sys.executable).parent)


@pytest.mark.parametrize("service", OURS)
def test_every_variable_of_a_service_is_a_setting(service: str) -> None:
    known = {f"PRICECAST_{name.upper()}" for name in Settings.model_fields}
    assert set(OURS[service]["environment"]) <= known


def interpolated(text: str) -> str:
    """The text with its variables filled in, as compose does before it reads the file."""
    given = {"POSTGRES_PASSWORD": "secret", "PRICECAST_DATA": "/data", "PRICECAST_API_TOKENS": "token"}
    pattern = re.compile(r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}")
    return pattern.sub(lambda found: given.get(found[1], found[2] or ""), text)


def parsed(text: str) -> list[str]:
    from compose_spec import PyOptions

    options = PyOptions()
    options.apply_merge = True
    compose = options.from_yaml(interpolated(text))
    compose.validate()
    names: list[str] = compose.service_names()
    return names


def test_the_compose_file_keeps_to_the_specification() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    assert sorted(parsed(text)) == sorted(COMPOSE["services"])
    for right, wrong in (
        ("image: postgres:18", "imagee: postgres:18"),
        ("service_healthy", "service_healty"),
        ("[dask]", "{dask}"),
    ):
        with pytest.raises(ValueError, match=r"."):
            parsed(text.replace(right, wrong))


def test_the_dockerfile_has_no_fault_that_hadolint_knows() -> None:
    hadolint = shutil.which("hadolint", path=Path(sys.executable).parent)
    assert hadolint
    found = subprocess.run([hadolint, "--no-color", ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("service", OURS)
def test_a_service_writes_nowhere_but_in_its_volumes_and_lacks_every_privilege(service: str) -> None:
    definition = OURS[service]
    assert definition["read_only"] is True
    assert definition["cap_drop"] == ["ALL"]
    assert "USER 1000" in (ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize("service", OURS)
def test_a_service_that_stays_up_says_whether_it_is_well(service: str) -> None:
    assert "healthcheck" in OURS[service] or service == "migrate" or OURS[service]["profiles"] == ["dask"]


def test_whom_a_service_waits_for_exists_and_can_be_waited_for() -> None:
    for service in OURS.values():
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in COMPOSE["services"][other]
            elif how["condition"] == "service_completed_successfully":
                assert COMPOSE["services"][other]["restart"] == "no"
            else:
                assert other in COMPOSE["services"]


def test_only_loopback_sees_the_web_page_and_nobody_the_database() -> None:
    published = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert sorted(published) == ["127.0.0.1:3000:3000", "127.0.0.1:8000:8000"]


@pytest.mark.parametrize("file", ["workspace.yaml", "deploy/workspace.yaml"])
def test_the_code_location_has_the_name_that_the_client_asks_for(file: str) -> None:
    (location,) = yaml.safe_load((ROOT / file).read_text())["load_from"]
    (options,) = location.values()
    assert options["location_name"] == LOCATION


def test_the_image_copies_files_that_are_there() -> None:
    lines = [line.split()[1:] for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("COPY ")]
    copied = [name for words in lines if not words[0].startswith("--from") for name in words[:-1]]
    assert copied
    assert [name for name in copied if not (ROOT / name).exists()] == []
