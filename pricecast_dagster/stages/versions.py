"""Versions: how the content of a stage is named, and the code versions that are inputs of each stage.

Belongs here: hashing names out of names. Not here: hashing rows (`sources.fingerprint`) and the clock-made names of models.
Raise a stage's code version when its results change: it and everything below it are computed again, nothing above.
"""

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Final

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.schemas import Stage
from pricecast_dagster.settings import Settings

CODE_VERSIONS: Final[Mapping[Stage, str]] = {
    Stage.RAW_HISTORY: "1",
    Stage.FEATURE_TABLE: "1",
    Stage.PRICE_MODEL: "10",
    Stage.FORECAST: "7",
}

NO_MODEL: Final = "no-model"
"""Data version of a price_model whose SKU is too short for one: a simple method answers."""


def digest(*parts: object) -> str:
    """Sixteen hexadecimal characters that change when any part does; parts are JSON-able."""
    text = json.dumps(parts, sort_keys=True, default=str, ensure_ascii=True)
    return blake2b(text.encode(), digest_size=8).hexdigest()


def code_versions(settings: Settings, calendar: HolidayCalendar) -> dict[Stage, str]:
    """The code versions in force: ours, and what else a stage's results hang on besides its upstream.

    Features and forecasts depend on the holiday calendar, a forecast on its horizon, a model on what is too short for one.
    """
    holidays = digest(calendar.version)[:8]
    return {
        Stage.RAW_HISTORY: CODE_VERSIONS[Stage.RAW_HISTORY],
        Stage.FEATURE_TABLE: f"{CODE_VERSIONS[Stage.FEATURE_TABLE]}.{holidays}",
        Stage.PRICE_MODEL: f"{CODE_VERSIONS[Stage.PRICE_MODEL]}.{settings.minimum_history_days}{_named(settings.members)}",
        Stage.FORECAST: f"{CODE_VERSIONS[Stage.FORECAST]}.{holidays}.{settings.horizon_days}",
    }


def code_of_features_and_models() -> str:
    """Names the code of both, without calendar and settings: what a recipe was found with."""
    return f"{CODE_VERSIONS[Stage.FEATURE_TABLE]}/{CODE_VERSIONS[Stage.PRICE_MODEL]}"


def _named(members: Sequence[str]) -> str:
    """Additional members as a part of a code version: nothing where there are none."""
    return f".{'+'.join(sorted(members))}" if members else ""


def feature_version(history_version: str, code_version: str) -> str:
    """Name of a feature table: its rows and the code and calendar it was made with."""
    return digest("features", history_version, code_version)


def training_fingerprint(feature_version: str, code_version: str, recipe: Mapping[str, object] | None, trials: int) -> str:
    """Names a training by everything it depends on; seeds derive from it, so the same inputs give the same bytes."""
    return digest("training", feature_version, code_version, recipe, trials)


def seed_of(fingerprint: str) -> int:
    """A seed in 0 .. 2**31 - 1, as LightGBM wants it."""
    return int(fingerprint, 16) % (2**31)


def forecast_version(model_version: str | None, history_version: str, code_version: str) -> str:
    """Name of a forecast: the model and the rows it was made from, horizon and calendar included in the code version."""
    return digest("forecast", model_version, history_version, code_version)
