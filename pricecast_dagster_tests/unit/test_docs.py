"""The documentation: complete, and what it says to type works."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from pricecast_dagster.cli.main import main
from pricecast_dagster.orchestration.instance import configuration
from pricecast_dagster.settings import Settings
from pricecast_dagster.sources.reasons import Reason

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text()
COMMANDS = (DOCS / "commands.md").read_text()
SETTINGS = (DOCS / "settings.md").read_text()

# What a snippet would need minutes, a network or a terminal for; `up` and the demo have tests of their own.
NOT_RUN = ("pricecast up",)


def commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            if command.invoke_without_command:
                yield f"{path}{name}", command
            yield from commands(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


def snippets(text: str) -> Iterator[str]:
    for block in re.findall(r"^```sh\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            command = line.split("#")[0].strip()
            if command.startswith("pricecast "):
                yield command


@pytest.mark.parametrize(("name", "command"), list(commands(main)), ids=lambda value: value if isinstance(value, str) else "")
def test_every_command_and_each_of_its_options_is_documented(name: str, command: click.Command) -> None:
    assert f"pricecast {name}" in COMMANDS or f"`{name}`" in COMMANDS
    for parameter in command.params:
        for option in parameter.opts:
            if option.startswith("--"):
                assert re.search(rf"`{option}[ `]", COMMANDS), f"{name} {option}"


def test_no_documented_option_is_made_up() -> None:
    real = {option for _, command in commands(main) for parameter in command.params for option in parameter.opts}
    documented = set(re.findall(r"(?<=`)--[a-z-]+", COMMANDS + README)) - {"--version", "--help"}
    assert documented <= real


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented_with_its_default(name: str) -> None:
    row = re.search(rf"^\| `PRICECAST_{name.upper()}` \| (.*?) \|", SETTINGS, flags=re.MULTILINE)
    assert row, f"PRICECAST_{name.upper()} is not in docs/settings.md"
    default = Settings.model_fields[name].get_default(call_default_factory=True)
    told = default if isinstance(default, str) else json.dumps(default)
    assert row[1].strip("`") == (told or "empty")


def test_no_documented_setting_is_made_up() -> None:
    pages = [README, *(page.read_text() for page in DOCS.glob("*.md"))]
    named = {name.lower() for page in pages for name in re.findall(r"PRICECAST_([A-Z_]+[A-Z])", page)}
    compose_only = {"data"}
    assert named <= set(Settings.model_fields) | compose_only


def test_every_make_target_is_in_the_readme() -> None:
    targets = re.findall(r"^([a-z0-9-]+):.*##", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert targets
    assert [target for target in targets if target != "help" and f"`make {target}`" not in README] == []


def test_every_reason_of_a_rejected_line_is_documented() -> None:
    data = (DOCS / "data.md").read_text()
    assert [reason.value for reason in Reason if f"| {reason.value} |" not in data] == []


def test_every_link_between_documents_leads_somewhere() -> None:
    for page in (ROOT / "README.md", *DOCS.glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize(("file", "postgres"), [("dagster.yaml", False), ("deploy/dagster-postgres.yaml", True)])
def test_the_instance_files_say_what_up_says(file: str, postgres: bool) -> None:
    assert yaml.safe_load((ROOT / file).read_text()) == configuration(postgres=postgres)


def test_the_commands_of_the_readme_work_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PRICECAST_JOBS", "1")
    told = [command for command in snippets(README) if command not in NOT_RUN]
    assert told
    for command in told:
        result = CliRunner().invoke(main, shlex.split(command)[1:])
        assert result.exit_code == 0, f"{command}: {result.output}"
