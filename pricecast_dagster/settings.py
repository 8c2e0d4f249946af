"""Every setting: one model, read from the environment (`PRICECAST_*`) and from `pricecast.toml`.

Belongs here: names, types, defaults and what a value means. Not here: anything that acts on them. This is the only module
that reads the environment; everything else gets a `Settings` handed in.
"""

import difflib
import json
import os
import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from pricecast_dagster.cron import require_cron
from pricecast_dagster.errors import SettingsError

CONFIG_FILE = "pricecast.toml"
PREFIX: Final = "PRICECAST_"
SECRETS = frozenset({"api_tokens", "alert_webhooks", "alert_targets"})
"""Lists of secrets: never shown, and handed to children by the environment they came from alone."""
NO_SETTINGS: Final = frozenset({"PRICECAST_DATA"})
"""Variables of docker-compose.yml, not of ours."""
LOCAL = "local"
"""The value of `compute` that means this machine."""

RETRAIN_LIMITS: Final[Mapping[str, float]] = {
    "age": 180.0,
    "new_days": 1.0,
    "accuracy": 3.0,
    "naive": 1.5,
    "drift": 0.5,
    "shift": 1.0,
    "correction": 0.05,
    "features": 1.0,
}
"""Rule -> limit, in the units of `forecasting.policy.TELLS`; chosen on the simulation of docs/monitoring.md."""


class Settings(BaseSettings):
    """What can be set; the environment wins over `pricecast.toml`, which wins over the defaults."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    source: str = Field(".pricecast/source", description="folder or URL of CSV or Parquet files, or a SQLAlchemy URL")
    home: str = Field(".pricecast", description="folder or URL of frames and models; the embedded database lies there too")
    database_url: str = Field("", description="SQLAlchemy URL; empty means SQLite in `home`")

    tables: dict[str, str] = Field(
        default_factory=dict,
        description="our name -> the source's, of `products`, `prices`, `sales`: a SQL table, or the start of a file's name",
    )
    columns: dict[str, str] = Field(default_factory=dict, description="our column name -> the source's, where they differ")
    encoding: str = Field("auto", description="of CSV files: auto knows UTF-8, UTF-16, GBK and Latin-1")
    separator: str = Field("auto", description="of CSV files: auto looks at the header")
    decimal: Literal["auto", ".", ","] = Field("auto", description="decimal mark of numbers in CSV files")
    day_first: Literal["auto", "yes", "no"] = Field("auto", description="whether 03/04 is the third of April")
    absurd_factor: float = Field(20.0, gt=1, description="a price this many times off the SKU's median is rejected")

    country: str = Field("BR", description="ISO code of the holiday calendar, any of the `holidays` package")
    currency: str = Field("BRL", description="ISO code, for people only")
    horizon_days: int = Field(14, ge=1, le=60, description="days of a stored forecast")
    minimum_history_days: int = Field(60, ge=35, description="under this a simple method answers instead of a model")
    trials: int = Field(50, ge=1, description="tuning trials of a SKU")
    members: list[Literal["seasonal_mean", "theta", "ridge", "extra_trees", "xgboost", "catboost", "pooled"]] = Field(
        default_factory=list, description="additional members of every model, weighed like the others by past origins"
    )
    pool_days: int = Field(0, ge=0, description="days after which maintenance makes the pooled model anew; 0 for never")
    optimize: Literal["auto", "always", "never"] = Field(
        "auto", description="when to tune: auto tunes new SKUs and those a retrain request names"
    )

    compute: str = Field(LOCAL, description="`local`, or the address of a Dask scheduler")
    jobs: int = Field(0, ge=0, description="processes of local computing; 0 means one a core")
    chunk_size: int = Field(50, ge=1, description="SKUs whose results are committed together")
    batch_size: int = Field(2000, ge=1, description="SKUs of one Dagster run that a sensor starts")
    sensor_seconds: int = Field(5, ge=1, description="pause between two looks of a sensor")
    scan_seconds: int = Field(3600, ge=1, description="a full read of the source at least this often, whatever its file times")
    keep_versions: int = Field(5, ge=1, description="model versions kept of each SKU besides the champion")
    keep_forecast_days: int = Field(400, ge=1, description="how long stored forecasts are kept for the accuracy monitor")
    keep_history_days: int = Field(90, ge=1, description="how long superseded rows are kept that no forecast or model refers to")
    keep_removed_days: int = Field(400, ge=1, description="how long models, forecasts and rows of a SKU that is gone are kept")
    keep_ingest_days: int = Field(90, ge=1, description="how long records of reads and rejected rows are kept")
    keep_events: int = Field(5, ge=1, description="Dagster materializations kept of each asset and SKU, whatever their age")
    keep_event_days: int = Field(30, ge=0, description="younger Dagster events and runs are kept in any case")
    check_rejected_share: float = Field(0.05, ge=0, le=1, description="more of the source's lines not taken is told as a fault")
    check_source_days: int = Field(3, ge=0, description="a source whose newest day is older is told as a fault")
    check_forecast_days: int = Field(7, ge=0, description="products without a new day for longer are told as a fault")
    scan_schedule: str = Field("0 5 * * *", description="cron, UTC: when Dagster reads the whole source whatever its file times")
    maintenance_schedule: str = Field("30 6 * * *", description="cron, UTC: when Dagster gives up what is past its retention")

    alert_webhooks: list[SecretStr] = Field(
        default_factory=list,
        description="URLs that get alerts as a JSON POST; secret, as such an address often is",
    )
    alert_targets: list[SecretStr] = Field(
        default_factory=list, description="Apprise URLs that get alerts: mail, Slack and a hundred others; secret"
    )
    alert_severity: Literal["info", "warning", "error"] = Field("warning", description="the least that is told")
    alert_silence_hours: float = Field(24.0, ge=0, description="how long a subject is not told of again, unless it gets graver")
    retrain: dict[str, float] = Field(
        default_factory=lambda: dict(RETRAIN_LIMITS),
        description="rule -> the limit at which a new recipe is looked for, 0 for never; what is not named stays as it is",
    )
    retrain_pause_days: int = Field(28, ge=1, description="days after a retrain request in which no rule asks again")
    retrain_trials_a_day: int = Field(20_000, ge=0, description="tuning trials of all retrain requests of a day (UTC)")
    retrain_minutes_a_day: float = Field(120.0, ge=0, description="computing minutes of all retrain requests of a day, estimated")
    shadow_days: int = Field(0, ge=0, description="days a better recipe is compared unserved before it is promoted; 0 for none")
    probation_days: int = Field(28, ge=0, description="days a promoted recipe is compared with its predecessor; 0 for none")
    keep_monitor_days: int = Field(730, ge=1, description="how long scores and findings of the monitor are kept")
    monitor_schedule: str = Field(
        "30 5 * * *", description="cron, UTC: when the monitor looks, besides after every day of new rows"
    )

    api_tokens: list[SecretStr] = Field(default_factory=list, description="bearer tokens; empty means loopback only")
    api_tokens_file: str = Field("", description="file with the SHA-256 of a bearer token on each line, beside api_tokens")
    api_url: str = Field("http://127.0.0.1:8000", description="where people find the API; Dagster's pages link to it")
    dagster_url: str = Field("http://127.0.0.1:3000", description="where the API finds Dagster's webserver")

    @field_validator("source")
    @classmethod
    def _a_source_that_is_named(cls, source: str) -> str:
        if not source.strip():  # to a file system it means the working directory, with all that lies below
            raise ValueError("is empty; name a folder (`.` is the present one) or a URL, or unset it for the default")
        return source

    @field_validator("database_url")
    @classmethod
    def _name_the_driver(cls, url: str) -> str:
        # A bare postgresql:// means psycopg 3 from SQLAlchemy 2.1 on, which dagster-postgres cannot use; we install psycopg2.
        for bare in ("postgres://", "postgresql://"):
            if url.startswith(bare):
                return "postgresql+psycopg2://" + url.removeprefix(bare)
        return url

    @field_validator("compute")
    @classmethod
    def _local_or_an_address(cls, where: str) -> str:
        if where != LOCAL and not where.startswith(("tcp://", "tls://", "ws://", "wss://")):
            raise ValueError(f"{where!r} is neither `{LOCAL}` nor the address of a Dask scheduler, such as tcp://scheduler:8786")
        return where

    @field_validator("scan_schedule", "maintenance_schedule", "monitor_schedule")
    @classmethod
    def _cron(cls, line: str) -> str:
        return require_cron(line)

    @field_validator("tables")
    @classmethod
    def _known_tables(cls, tables: dict[str, str]) -> dict[str, str]:
        unknown = set(tables) - {"products", "prices", "sales"}
        if unknown:
            raise ValueError(f"unknown table {sorted(unknown)}; there are products, prices and sales")
        return tables

    @field_validator("retrain", mode="after")
    @classmethod
    def _whole_table_of_rules(cls, limits: dict[str, float]) -> dict[str, float]:
        unknown = set(limits) - set(RETRAIN_LIMITS)
        if unknown:
            raise ValueError(f"unknown rule {sorted(unknown)}; there are {', '.join(RETRAIN_LIMITS)}")
        if any(not limit >= 0 for limit in limits.values()):
            raise ValueError("a limit is a positive number, or 0 to switch the rule off")
        return {**RETRAIN_LIMITS, **limits}

    @model_validator(mode="after")
    def _embedded_database_needs_a_folder(self) -> Self:
        if not self.database_url and "://" in self.home:
            raise ValueError("a remote PRICECAST_HOME has no place for an embedded database: set PRICECAST_DATABASE_URL")
        return self

    @cached_property
    def database(self) -> str:
        """The SQLAlchemy URL of the database in force."""
        return self.database_url or f"sqlite:///{Path(self.home).absolute() / 'pricecast.db'}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the file."""
        return init_settings, _Environment(settings_cls), InitSettingsSource(settings_cls, _of_the_file())


class _Environment(EnvSettingsSource):
    """The environment; a list or table in it that is no JSON is told by its variable."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """The list or table that a variable spells.

        Raises:
            SettingsError: it is no JSON; names the variable and not the value, which may be a secret.
        """
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError as error:
            what, written = ("table", '{"name": "value"}') if "dict" in str(field.annotation) else ("list", '["value"]')
            cause = f" ({error})" if isinstance(error, json.JSONDecodeError) else ""
            raise SettingsError(
                f"{PREFIX}{field_name.upper()} is a {what}, and what is set for it is no JSON{cause}.",
                remedy=f"Write it as {written}, in single quotes in a shell.",
            ) from error


def _of_the_file() -> dict[str, Any]:
    """What `pricecast.toml` says; nothing where there is none."""
    path = Path(CONFIG_FILE)
    if not path.exists():
        return {}
    try:
        # Editors on Windows put a mark before the text (BOM), which TOML does not know.
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        told, remedy = f"is no TOML: {error}", "Mend that line; a setting is a line such as trials = 20."
    except UnicodeDecodeError as error:
        told, remedy = f"is not UTF-8: byte {error.start + 1} is 0x{error.object[error.start]:02x}", "Save it as UTF-8."
    except OSError as error:
        told, remedy = f"cannot be read: {error.strerror}", "Mend its rights, or take it away."
    raise SettingsError(f"The settings file {path.absolute()} {told}.", remedy=remedy)


def load_settings(**overrides: object) -> Settings:
    """Settings from overrides, environment and file.

    Raises:
        SettingsError: a value or the file cannot be used; names every such setting and what was wrong with it.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        faults = "; ".join(f"PRICECAST_{'.'.join(map(str, fault['loc'])).upper()}: {fault['msg']}" for fault in error.errors())
        raise SettingsError(f"{faults}.") from error


def unknown_variables() -> dict[str, str]:
    """Variables of the environment that look like a setting and are none, with the setting whose name is nearest, or nothing."""
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    given = sorted(name for name in os.environ if name.upper().startswith(PREFIX))
    unknown = [name for name in given if name.upper() not in known and name not in NO_SETTINGS]
    return {name: next(iter(difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.8)), "") for name in unknown}
