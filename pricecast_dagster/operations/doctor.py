"""Doctor: whether an installation can work, and what to do where it cannot.

Belongs here: one function a check, each with its remedy. Not here: how findings are shown (`cli.doctor`).
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib import metadata
from uuid import uuid4

from pricecast_dagster.errors import PricecastError
from pricecast_dagster.settings import SECRETS, Settings, unknown_variables

DISTRIBUTION = "pricecast-dagster"

# An event costs 8-12 ms on SQLite and Dagster writes at least four a changed product: beyond this, a refresh waits for events
# longer than for computing. PostgreSQL takes 1,800-2,800 events a second.
SQLITE_PRODUCTS = 500

# Its newest booster is then older than any origin at which a model's weights are estimated.
OLD_POOLED_DAYS = 90


class Level(StrEnum):
    """How much a finding matters."""

    GOOD = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; `remedy` is empty where nothing needs to be done."""

    check: str
    level: Level
    told: str
    remedy: str = ""


def examine(settings: Settings) -> list[Finding]:
    """All checks, in the order in which one would mend things; none stops the others."""
    checks: tuple[tuple[str, Callable[[Settings], Iterator[Finding]]], ...] = (
        ("settings", _settings),
        ("versions", _versions),
        ("home", _home),
        ("database", _database),
        ("compute", _compute),
        ("source", _source),
        ("results", _results),
        ("pooled", _pooled),
        ("dagster", _dagster),
        ("alerts", _alerts),
    )
    findings: list[Finding] = []
    for name, check in checks:
        try:
            findings += check(settings)
        except PricecastError as error:
            findings.append(Finding(name, Level.FAILED, str(error.args[0]), error.remedy))
    return findings


def _settings(settings: Settings) -> Iterator[Finding]:
    unknown = unknown_variables()
    if not unknown:
        yield Finding("settings", Level.GOOD, f"{len(settings.model_fields_set)} set, and every one is known.")
    for name, nearest in unknown.items():
        remedy = f"Is {nearest} meant?" if nearest else "docs/settings.md has every setting."
        yield Finding("settings", Level.WARNING, f"{name} is set, and is no setting: it changes nothing.", remedy)


def _versions(settings: Settings) -> Iterator[Finding]:
    from packaging.requirements import Requirement

    wrong = []
    for text in metadata.requires(DISTRIBUTION) or []:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            installed = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is not installed")
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            wrong.append(f"{requirement.name} is {installed}, it should be {requirement.specifier}")
    python = ".".join(map(str, sys.version_info[:3]))
    own = metadata.version(DISTRIBUTION)
    if wrong:
        yield Finding("versions", Level.FAILED, "; ".join(wrong) + ".", "Run `make setup`.")
    else:
        yield Finding("versions", Level.GOOD, f"pricecast {own}, Dagster {metadata.version('dagster')}, Python {python}.")


def _home(settings: Settings) -> Iterator[Finding]:
    import fsspec

    probe = f"probe-{uuid4().hex}"
    try:
        files, folder = fsspec.core.url_to_fs(settings.home)
        files.makedirs(folder, exist_ok=True)
        files.pipe_file(f"{folder}/{probe}", b"")
        files.rm_file(f"{folder}/{probe}")
    except (OSError, ValueError, ImportError) as error:
        yield Finding("home", Level.FAILED, f"{settings.home} cannot be written: {error}.", "Set PRICECAST_HOME, or its rights.")
    else:
        yield Finding("home", Level.GOOD, f"{settings.home} can be written.")


def _database(settings: Settings) -> Iterator[Finding]:
    from pricecast_dagster.storage.database import open_database
    from pricecast_dagster.storage.products import active_skus

    database = open_database(settings.database)
    with database.read() as connection:
        products = len(active_skus(connection))
    told = f"{database.address} answers and its tables are up to date; {products:,} products."
    if database.kind == "sqlite" and products > SQLITE_PRODUCTS:
        yield Finding(
            "database",
            Level.WARNING,
            f"{told} SQLite serves about {SQLITE_PRODUCTS} changed products a day in Dagster.",
            "Set PRICECAST_DATABASE_URL to a PostgreSQL database.",
        )
    else:
        yield Finding("database", Level.GOOD, told)


def _compute(settings: Settings) -> Iterator[Finding]:
    from pricecast_dagster.compute.place import open_compute

    yield Finding("compute", Level.GOOD, open_compute(settings.compute, settings.jobs).told())


def _source(settings: Settings) -> Iterator[Finding]:
    from pricecast_dagster.sources.fingerprint import cheap_fingerprint

    cheap_fingerprint(settings)
    yield Finding("source", Level.GOOD, f"{_without_password(settings.source)} is there.")


def _results(settings: Settings) -> Iterator[Finding]:
    from pricecast_dagster.forecasting.calendar import HolidayCalendar
    from pricecast_dagster.stages.shared import codes_in_force
    from pricecast_dagster.storage import ingests, states
    from pricecast_dagster.storage.database import open_database

    database = open_database(settings.database)
    codes = codes_in_force(database, settings, HolidayCalendar(settings.country))
    with database.read() as connection:
        last = ingests.last_finished(connection)
        due = states.out_of_date(connection, codes, None)
        failed = sorted({state.sku for state in states.failed(connection)})
    if last is None:
        yield Finding("results", Level.WARNING, "The source was never read in full.", "Run `pricecast refresh`.")
        return
    if failed:
        names = ", ".join(failed[:5]) + (", ..." if len(failed) > 5 else "")
        yield Finding(
            "results",
            Level.WARNING,
            f"{len(failed):,} products failed: {names}.",
            "`pricecast train --sku SKU` says why; otherwise they are tried again when their data changes.",
        )
    waiting = len({item.sku for item in due})
    if waiting:
        yield Finding(
            "results", Level.WARNING, f"{waiting:,} products are out of date.", "Run `pricecast refresh`, or `pricecast up`."
        )
    if not failed and not waiting:
        yield Finding("results", Level.GOOD, "Every product is up to date.")


def _pooled(settings: Settings) -> Iterator[Finding]:
    from pricecast_dagster.forecasting.recipe import POOLED
    from pricecast_dagster.storage import pooled_models
    from pricecast_dagster.storage.database import open_database
    from pricecast_dagster.storage.files import Files

    if POOLED not in settings.members:
        return
    with open_database(settings.database).read() as connection:
        model = pooled_models.in_force(connection)
    if model is None:
        told = "PRICECAST_MEMBERS names `pooled`, and there is no pooled model: every product is forecast without it."
        yield Finding("pooled", Level.WARNING, told, "Run `pricecast pool`.")
        return
    pooled_models.load(Files(settings.home), model.version, model.sha256)
    facts = model.facts
    told = f"Pooled model {model.version} of {facts['skus']:,} of {facts['of_skus']:,} products until {model.until}"
    age = (datetime.now(UTC) - model.made_at).days
    if age > OLD_POOLED_DAYS:
        yield Finding("pooled", Level.WARNING, f"{told} is {age} days old.", "Run `pricecast pool`, or set PRICECAST_POOL_DAYS.")
    else:
        yield Finding("pooled", Level.GOOD, f"{told} is there.")


def _dagster(settings: Settings) -> Iterator[Finding]:
    import json
    from urllib.error import URLError
    from urllib.request import ProxyHandler, build_opener

    url = settings.dagster_url.rstrip("/")
    try:
        with build_opener(ProxyHandler({})).open(f"{url}/server_info", timeout=5) as response:
            answer = json.load(response)
    except (URLError, OSError, ValueError):
        yield Finding(
            "dagster",
            Level.WARNING,
            f"No Dagster answers at {url}: nothing is brought up to date by itself.",
            "Start it with `pricecast up`, or set PRICECAST_DAGSTER_URL. The command line works without.",
        )
        return
    installed = metadata.version("dagster")
    running = answer.get("dagster_version", "of an unknown version")
    if running != installed:
        yield Finding("dagster", Level.WARNING, f"Dagster {running} answers at {url}, {installed} is installed.", "Restart it.")
    else:
        yield Finding("dagster", Level.GOOD, f"Dagster {running} answers at {url}.")


def _alerts(settings: Settings) -> Iterator[Finding]:
    from pricecast_dagster.operations.receivers import receivers

    found = receivers(settings)
    if found:
        yield Finding("alerts", Level.GOOD, f"Told: {', '.join(one.name for one in found)}. `pricecast alerts test` tries them.")
    else:
        yield Finding("alerts", Level.GOOD, "Nobody is told: PRICECAST_ALERT_WEBHOOKS and PRICECAST_ALERT_TARGETS are empty.")


def shown_settings(settings: Settings) -> dict[str, str]:
    """Every setting as its variable and its value, without passwords and tokens."""
    shown = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if name in SECRETS:
            value = f"{len(value)} set"
        shown[f"PRICECAST_{name.upper()}"] = _without_password(value) if isinstance(value, str) else str(value)
    return shown


def _without_password(url: str) -> str:
    from urllib.parse import urlsplit

    if "://" not in url:
        return url
    parts = urlsplit(url)
    return url.replace(f":{parts.password}@", ":***@") if parts.password else url
