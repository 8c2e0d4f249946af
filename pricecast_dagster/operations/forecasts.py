"""Forecasts: one product's, as it is stored, or computed now where what is stored does not reach far enough.

Belongs here: finding the answer and what has to be known about it. Not here: forecasting (`stages.forecast`), showing it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from pricecast_dagster.errors import ForecastError, NoUsableHistoryError, StorageError, UnknownVersionError
from pricecast_dagster.schemas import LEVELS, STAGES, Stage
from pricecast_dagster.stages import bundles
from pricecast_dagster.stages import forecast as forecasting
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.shared import codes_in_force
from pricecast_dagster.stages.staleness import States, present_inputs, why_stale
from pricecast_dagster.stages.versions import NO_MODEL
from pricecast_dagster.storage import forecasts, products, requests, states
from pricecast_dagster.storage.forecasts import StoredForecast

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Prediction:
    """One product's forecast; the names are those of the HTTP API.

    Attributes:
        origin: the last known day; the forecast begins on the next.
        model_used: begins with `LightGBM` where a model answered, else the name of the simple method.
        metrics: `rmse` and `mae` of the model one step ahead on the last 30 days, in price units; empty for a simple method.
        coverage: nominal percent -> measured share of past days inside the band, 0..1.
        stale: whether rows, code or settings have changed since; it is brought up to date by the next refresh.
    """

    sku: str
    origin: date
    dates: list[date]
    prices: list[float]
    lower_80: list[float]
    upper_80: list[float]
    lower_95: list[float]
    upper_95: list[float]
    model_used: str
    metrics: Mapping[str, float]
    coverage: Mapping[str, float]
    stale: bool


def predict(context: StageContext, sku: str, days: int) -> Prediction:
    """The coming days of one product.

    Args:
        days: how many; what is stored is cut to it, and where it does not reach so far the forecast is computed now.

    Raises:
        UnknownSkuError: there is no such product.
        NoUsableHistoryError: there is no day to forecast from.
        ForecastError: neither a model nor a simple method gives a finite price.
    """
    with context.database.read() as connection:
        if sku not in products.known_skus(connection, [sku]):
            raise products.absent(connection, sku)
        known = states.read_states(connection, [sku], None)
        request = requests.newest(connection, [sku]).get(sku)
        stored = forecasts.currents(connection, [sku]).get(sku)
    stale = _is_stale(context, sku, known, request.id if request else None)
    if stored is None or stored.horizon_days < days:
        stored = _computed(context, sku, known, days)
    return as_prediction(stored, days, stale=stale)


def as_prediction(stored: StoredForecast, days: int, *, stale: bool) -> Prediction:
    """The first days of a stored forecast, as it is handed out."""
    return Prediction(
        sku=stored.sku,
        origin=stored.origin,
        dates=list(stored.dates[:days]),
        prices=list(stored.price[:days]),
        lower_80=list(stored.lower_80[:days]),
        upper_80=list(stored.upper_80[:days]),
        lower_95=list(stored.lower_95[:days]),
        upper_95=list(stored.upper_95[:days]),
        model_used=stored.model_used,
        metrics=_numbers(stored.facts.get("metrics"), ("rmse", "mae")),
        coverage=_numbers(stored.facts.get("coverage"), tuple(map(str, LEVELS))),
        stale=stale,
    )


def history(context: StageContext, sku: str, days: int) -> "pd.DataFrame":
    """The last days of a product's raw_history, at most so many rows; empty where there is none."""
    with context.database.read() as connection:
        state = states.read_states(connection, [sku], [Stage.RAW_HISTORY]).get((sku, Stage.RAW_HISTORY))
    if state is None or state.data_version is None:
        raise NoUsableHistoryError(f"SKU {sku!r} has no history.")
    with what_is_in_force():
        return context.frames.read(Stage.RAW_HISTORY, sku, state.data_version).tail(days)


@contextmanager
def what_is_in_force() -> Iterator[None]:
    """Read from the store what the database says is in force.

    Raises:
        StorageError: the store does not have it; it is not that nobody knows of it.
    """
    try:
        yield
    except UnknownVersionError as error:
        raise StorageError(
            f"The store has lost what is in force. {error.args[0]}",
            remedy="`pricecast doctor` tells how the store of PRICECAST_HOME is; ask again when it is back.",
        ) from error


def _is_stale(context: StageContext, sku: str, known: States, request_id: int | None) -> bool:
    codes = codes_in_force(context.database, context.settings, context.calendar)
    for stage in STAGES[1:]:
        present = present_inputs(sku, stage, known, codes, request_id)
        if present is not None and why_stale(known.get((sku, stage)), present) is not None:
            return True
    return False


def _computed(context: StageContext, sku: str, known: States, days: int) -> StoredForecast:
    rows = known.get((sku, Stage.RAW_HISTORY))
    if rows is None or rows.data_version is None:
        raise NoUsableHistoryError(f"SKU {sku!r} has no usable history, so there is no day to forecast from.")
    trained = known.get((sku, Stage.PRICE_MODEL))
    version = trained.data_version if trained and trained.data_version != NO_MODEL else None
    codes = codes_in_force(context.database, context.settings, context.calendar)
    inputs = present_inputs(sku, Stage.FORECAST, known, codes, None)
    assert inputs is not None
    with what_is_in_force():
        model = None if version is None else bundles.load_model(context, sku, version)
        frame = context.frames.read(Stage.RAW_HISTORY, sku, rows.data_version)
    order = forecasting.Order(sku, "asked for", inputs, rows.data_version, model, version, "no model")
    longer = replace(context, settings=context.settings.model_copy(update={"horizon_days": days}))
    done = forecasting.forecast(longer, [order], {sku: frame})
    if not done.forecasts:
        raise ForecastError(done.outcomes[0].error or f"SKU {sku!r} has no forecast.", remedy="")
    return done.forecasts[0]


def _numbers(values: object, names: tuple[str, ...]) -> dict[str, float]:
    found = values if isinstance(values, Mapping) else {}
    return {name: float(found[name]) for name in names if found.get(name) is not None}
