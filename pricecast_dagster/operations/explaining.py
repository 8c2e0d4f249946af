"""Explaining: which members and features moved a product's forecast, by day.

Belongs here: finding model and rows, and keeping the strongest. Not here: taking a forecast apart (`forecasting.explain`).
"""

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from pricecast_dagster.errors import UnknownVersionError
from pricecast_dagster.operations.forecasts import what_is_in_force
from pricecast_dagster.schemas import Stage
from pricecast_dagster.stages import bundles
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.storage import forecasts, products

STRONGEST: Final = 8


@dataclass(frozen=True, slots=True)
class Influence:
    """What a feature adds to one day's forecast, in price units, and its value on that day."""

    feature: str
    effect: float
    value: float | None


@dataclass(frozen=True, slots=True)
class Move:
    """How far a member moves one day's forecast from the last price, in price units, and its weight in the blend."""

    member: str
    weight: float
    effect: float


@dataclass(frozen=True, slots=True)
class Day:
    """One day, by feature and by member: base + strongest + others = price, and last + moves + settling = price."""

    day: date
    price: float
    strongest: tuple[Influence, ...]
    others: float
    base: float
    last: float
    moves: tuple[Move, ...]
    settling: float


@dataclass(frozen=True, slots=True)
class Explained:
    """A product's forecast, taken apart."""

    sku: str
    model_used: str
    origin: date
    days: tuple[Day, ...]


def explain(context: StageContext, sku: str, days: int) -> Explained:
    """Take the coming days of a product apart, with the model and the rows of its stored forecast.

    Raises:
        UnknownSkuError: there is no such product.
        UnknownVersionError: no model answers for it: a simple method has no features.
        StorageError: the store has lost the model or the rows.
    """
    from pricecast_dagster.forecasting.explain import NAMES
    from pricecast_dagster.forecasting.explain import explain as take_apart
    from pricecast_dagster.forecasting.panel import build_panel

    with context.database.read() as connection:
        products.get(connection, sku)
        stored = forecasts.currents(connection, [sku]).get(sku)
    if stored is None or stored.model_version is None:
        raise UnknownVersionError(
            f"No model answers for SKU {sku!r}, so there are no features that move its forecast.",
            remedy="`pricecast why SKU` says why it has none.",
        )
    with what_is_in_force():
        model = bundles.load_model(context, sku, stored.model_version)
        history = build_panel(context.frames.read(Stage.RAW_HISTORY, sku, stored.history_version))
    found = take_apart(model, history, context.calendar, days)
    told = []
    for step in range(days):
        order = sorted(range(len(NAMES)), key=lambda column: -abs(found.effects[step, column]))[:STRONGEST]
        kept = [column for column in order if found.effects[step, column] != 0]
        strongest = tuple(
            Influence(NAMES[column], float(found.effects[step, column]), _number(found.values[step, column])) for column in kept
        )
        others = float(found.effects[step].sum()) - sum(one.effect for one in strongest)
        day = stored.origin + timedelta(days=step + 1)
        moves = zip(found.members, found.weights, map(float, found.moves[:, step]), strict=True)
        told.append(
            Day(
                day=day,
                price=float(found.price[step]),
                strongest=strongest,
                others=others,
                base=float(found.base[step]),
                last=found.last,
                moves=tuple(Move(*move) for move in moves),
                settling=float(found.settling[step]),
            )
        )
    return Explained(sku, stored.model_used, stored.origin, tuple(told))


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
