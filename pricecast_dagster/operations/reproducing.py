"""Reproducing: a stored forecast made again from its recorded versions, and its model trained again, compared bit for bit.

Belongs here: what is recorded, making it again, comparing. Not here: forecasting and training (`stages`), showing it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from pricecast_dagster.errors import StorageError, UnknownVersionError
from pricecast_dagster.forecasting.panel import build_panel
from pricecast_dagster.forecasting.recipe import Recipe
from pricecast_dagster.schemas import LOWER_80, LOWER_95, PRICE, UPPER_80, UPPER_95, Stage
from pricecast_dagster.stages import forecast as forecasting
from pricecast_dagster.stages import versions
from pricecast_dagster.stages.bundles import load_model
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.lesson import Task, Way, carry_out
from pricecast_dagster.stages.shared import pooled_of
from pricecast_dagster.storage import forecasts, products
from pricecast_dagster.storage.artifacts import METADATA, contents_of
from pricecast_dagster.storage.forecasts import StoredForecast
from pricecast_dagster.storage.json_text import to_json
from pricecast_dagster.storage.staleness import SHARED_MARK
from pricecast_dagster.storage.state_records import Inputs

_SERIES = (PRICE, LOWER_80, UPPER_80, LOWER_95, UPPER_95)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Something made again beside what is stored.

    Attributes:
        what: of the forecast each series, of the model each file.
        differs: those that are not the same, bit for bit; empty where all are.
        impossible: why it could not be made again, with the next step; None where it was.
        remark: what a reader should know, such as that the code is another one by now.
    """

    what: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    impossible: str | None = None
    remark: str | None = None

    @property
    def identical(self) -> bool:
        """Whether it was made again and nothing differs."""
        return self.impossible is None and not self.differs


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A stored forecast and its model, made again; `model` is None where a simple method answered."""

    stored: StoredForecast
    forecast: Comparison
    model: Comparison | None


def reproduce(context: StageContext, sku: str, origin: date | None = None) -> Reproduction:
    """Make a product's forecast again from the rows, model and horizon on record; nothing is stored.

    Args:
        origin: the last day of history of the forecast; None means the one in force. Of several of that day the newest is taken.

    Raises:
        UnknownSkuError: there is no such product.
        UnknownVersionError: there is no such forecast on record.
    """
    with context.database.read() as connection:
        products.get(connection, sku)
        stored = forecasts.current(connection, sku) if origin is None else _of_origin(forecasts.of_sku(connection, sku), origin)
    model = None if stored.model_version is None else _model_again(context, stored, stored.model_version)
    return Reproduction(stored, _forecast_again(context, stored), model)


def _of_origin(found: list[StoredForecast], origin: date) -> StoredForecast:
    for stored in found:
        if stored.origin == origin:
            return stored
    known = ", ".join(sorted({str(stored.origin) for stored in found})) or "none"
    raise UnknownVersionError(f"There is no forecast of origin {origin} on record; those on record are: {known}.")


def _forecast_again(context: StageContext, stored: StoredForecast) -> Comparison:
    try:
        rows = context.frames.read(Stage.RAW_HISTORY, stored.sku, stored.history_version)
        model = None if stored.model_version is None else load_model(context, stored.sku, stored.model_version)
    except UnknownVersionError as error:
        return Comparison(impossible=f"{error.args[0]} PRICECAST_KEEP_VERSIONS says how many versions of a model are kept.")
    except StorageError as error:
        return Comparison(impossible=str(error))
    as_then = replace(context, settings=context.settings.model_copy(update={"horizon_days": stored.horizon_days}))
    inputs = Inputs(f"{stored.history_version}/{stored.model_version}", stored.code_version)
    why = str(stored.facts.get("why_a_simple_method", ""))
    order = forecasting.Order(stored.sku, "asked for", inputs, stored.history_version, model, stored.model_version, why)
    done = forecasting.forecast(as_then, [order], {stored.sku: rows})
    remark = _other_code(stored.code_version, versions.code_versions(as_then.settings, context.calendar)[Stage.FORECAST])
    if not done.forecasts:
        return Comparison(_SERIES, _SERIES, remark=f"{done.outcomes[0].error} {remark or ''}".strip())
    again = done.forecasts[0]
    names = ("version", "model_used", *_SERIES)
    return Comparison(names, tuple(name for name in names if _bits(again, name) != _bits(stored, name)), remark=remark)


def _bits(stored: StoredForecast, name: str) -> object:
    value = getattr(stored, name)
    return value if isinstance(value, str) else tuple(number.hex() for number in value)


def _model_again(context: StageContext, stored: StoredForecast, version: str) -> Comparison:
    """Train a version again as it was trained then: same rows, same predecessor, same seed."""
    sku = stored.sku
    try:
        kept: Mapping[str, Any] = context.artifacts.load(sku, version).metadata
        files = context.artifacts.read_files(sku, version)
        rows = context.frames.read(Stage.RAW_HISTORY, sku, kept["history_version"])
        if "predecessor" not in kept:
            return Comparison(impossible="It is from a pricecast that did not record which model it was trained from.")
        predecessor = None if kept["predecessor"] is None else load_model(context, sku, kept["predecessor"])
        pooled = pooled_of(context, kept["code_version"])
    except UnknownVersionError as error:
        return Comparison(impossible=f"{error.args[0]} PRICECAST_KEEP_VERSIONS says how many versions of a model are kept.")
    except StorageError as error:
        return Comparison(impossible=str(error))
    codes = versions.code_versions(context.settings, context.calendar)
    remark = _other_code(kept["code_version"].partition(SHARED_MARK)[0], codes[Stage.PRICE_MODEL])
    if versions.feature_version(kept["history_version"], codes[Stage.FEATURE_TABLE]) != kept["feature_version"]:
        remark = "features or holidays are made by another code by now"
    task = Task(
        sku=sku,
        way=Way[str(kept["way"]).upper()],
        panel=build_panel(rows),
        calendar=context.calendar,
        champion=predecessor,
        trials=kept["trials"],
        seed=kept["seed"],
        minimum_history_days=context.settings.minimum_history_days,
        members=Recipe.from_json(kept["recipe"]).members,
        pooled=pooled,
        on_trial=True,  # of a contest both models are wanted: which of them was stored is for the comparison
    )
    trained = carry_out(task)
    told = {name: content for name, content in files.items() if name != METADATA}
    told[METADATA] = _told(kept["recipe"], kept["facts"])
    compared = []
    for model in (trained.champion, trained.challenger):
        if model is not None:
            made = contents_of(model.texts, model.arrays) | {METADATA: _told(model.recipe.to_json(), model.facts)}
            compared.append(tuple(name for name in sorted(told | made) if told.get(name) != made.get(name)))
    return Comparison(tuple(sorted(told)), min(compared, key=len), remark=remark)


def _told(recipe: object, facts: object) -> bytes:
    # Of metadata.json what the training gives; times and reasons are of the day it was asked for.
    return to_json({"recipe": recipe, "facts": facts}, sort_keys=True).encode()


def _other_code(recorded: str, present: str) -> str | None:
    return None if recorded == present else f"made by code {recorded}, this is {present}"
