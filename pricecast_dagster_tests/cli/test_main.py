"""The command itself: help, errors, exit codes, and that it starts without what it does not need."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pricecast_dagster.cli.main import COMMANDS, main
from pricecast_dagster.errors import PricecastError, SettingsError, UnknownSkuError
from pricecast_dagster.settings import load_settings

HEAVY = ("pandas", "numpy", "sqlalchemy", "lightgbm", "optuna", "dagster", "pydantic", "rich", "plotext")


def test_help_lists_every_command_in_the_order_of_a_days_work() -> None:
    lines = CliRunner().invoke(main, ["--help"]).output.splitlines()
    listed = [line.split()[0] for line in lines[lines.index("Commands:") + 1 :] if line.strip()]
    assert listed == list(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0
    assert result.output.startswith("Usage:")


HELP_OF_ALL = """
import contextlib, io, sys
from pricecast_dagster.cli.main import COMMANDS, main
for arguments in (["--help"], *([name, "--help"] for name in COMMANDS)):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        main(arguments)
print(sorted(set(sys.argv[1:]) & set(sys.modules)))
"""


def test_help_of_every_command_imports_nothing_heavy() -> None:
    loaded = subprocess.run([sys.executable, "-c", HELP_OF_ALL, *HEAVY], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"


def test_an_unknown_command_is_wrong_usage() -> None:
    assert CliRunner().invoke(main, ["forecats"]).exit_code == 2


@pytest.mark.parametrize(("error", "code"), [(UnknownSkuError("There is no product 'A'."), 1), (SettingsError("Wrong."), 2)])
def test_an_error_is_told_with_its_remedy_and_without_a_traceback(
    error: PricecastError, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    @click.command()
    def fails() -> None:
        raise error

    monkeypatch.setattr(type(main), "get_command", lambda self, context, name: fails)
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr == f"Error: {error.args[0]}\n  Next: {error.remedy}\n"


def test_a_setting_that_cannot_be_used_is_wrong_usage_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRICECAST_HORIZON_DAYS", "61")
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 2
    assert "PRICECAST_HORIZON_DAYS" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", ["doctor", "serve", "refresh"])
@pytest.mark.parametrize("name", ["PRICECAST_API_TOKENS", "PRICECAST_COLUMNS"])
def test_a_list_or_table_that_is_no_json_is_a_wrong_setting_and_is_not_shown(
    command: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, "hidden-token-of-somebody")
    result = CliRunner().invoke(main, [command])
    assert result.exit_code == 2
    assert f"{name} is a " in result.stderr
    assert "Next: Write it as " in result.stderr
    assert "hidden" not in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"trials = 5\nbroken = [", "is no TOML"),
        ("source = 'caf\xe9'\n".encode("latin-1"), "is not UTF-8: byte 14 is 0xe9"),
        (b"nothing = 5\n", "PRICECAST_NOTHING"),
        (b"trials = 'many'\n", "PRICECAST_TRIALS"),
        (b"api_tokens = 'abc'\n", "PRICECAST_API_TOKENS"),
    ],
)
def test_a_broken_settings_file_is_a_wrong_setting_and_is_named(
    content: bytes, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pricecast.toml").write_bytes(content)
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 2
    assert told in result.stderr
    assert "pricecast.toml" in result.stderr
    assert "Traceback" not in result.output


def test_a_settings_file_that_cannot_be_opened_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pricecast.toml").mkdir()
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 2
    assert "pricecast.toml cannot be read" in result.stderr


def test_a_settings_file_with_a_byte_order_mark_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pricecast.toml").write_bytes(b"\xef\xbb\xbftrials = 7\r\n[columns]\r\nsku = 'StockCode'\r\n")
    settings = load_settings()
    assert (settings.trials, settings.columns) == (7, {"sku": "StockCode"})
    assert "trials" in settings.model_fields_set
