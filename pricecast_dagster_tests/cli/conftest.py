"""A shop in a folder, and `pricecast` called on it as from a shell."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pricecast_dagster.cli.main import main
from pricecast_dagster_tests.shop import Shop, open_shop

Pricecast = Callable[..., Result]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Three products, nothing ingested yet; the environment points at it."""
    opened = open_shop(tmp_path, products=3, days=120)
    for name in ("home", "source", "optimize", "jobs"):
        monkeypatch.setenv(f"PRICECAST_{name.upper()}", str(getattr(opened.settings, name)))
    monkeypatch.chdir(tmp_path)
    return opened


@pytest.fixture
def pricecast(shop: Shop) -> Pricecast:
    """Calls a command line; fails if it does not end with the code that is expected."""

    def call(*arguments: str, ends_with: int = 0) -> Result:
        result = CliRunner().invoke(main, [*arguments])
        assert result.exit_code == ends_with, result.output
        assert "Traceback" not in result.output
        return result

    return call
