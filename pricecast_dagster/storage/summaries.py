"""Summaries: the whole portfolio in a few numbers, without reading its forecasts.

Belongs here: statements that count. Not here: what a number means for a product (`operations.portfolio`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, Float, cast, func, select

from pricecast_dagster.schemas import LEVELS
from pricecast_dagster.storage.tables import forecast, modelos_predicao, monitor_result, product

RATIO = "ratio_to_best_simple"
NOTHING_YET = "no forecast yet"


@dataclass(frozen=True, slots=True)
class ForecastSummary:
    """The current forecasts of active products.

    Attributes:
        oldest_origin, newest_origin: last known days; None where there is no forecast.
        made_at: when the oldest of them was made.
        coverage: nominal percent -> mean measured share, of models that have one.
    """

    oldest_origin: date | None
    newest_origin: date | None
    made_at: datetime | None
    coverage: Mapping[str, float]


def forecasts(connection: Connection) -> ForecastSummary:
    """Origins, age and coverage."""
    shares = [
        func.avg(cast(forecast.c.facts["coverage"][str(level)].as_string(), Float)).label(f"share_{level}") for level in LEVELS
    ]
    made = (func.min(forecast.c.origin), func.max(forecast.c.origin), func.min(forecast.c.made_at))
    row = connection.execute(select(*made, *shares).join(product).where(forecast.c.current, product.c.active)).one()
    coverage = {str(level): float(share) for level, share in zip(LEVELS, row[3:], strict=True) if share is not None}
    return ForecastSummary(row[0], row[1], row[2], coverage)


def origins_before(connection: Connection, day: date) -> list[str]:
    """The active products whose current forecast has its last known day before a day, by SKU."""
    query = select(product.c.sku).join(forecast, (forecast.c.sku == product.c.sku) & forecast.c.current)
    return list(connection.scalars(query.where(product.c.active, forecast.c.origin < day).order_by(product.c.sku)))


def ratios(connection: Connection) -> dict[str, float]:
    """SKU -> held-out error of its champion over that of the best simple method, for active products that have one."""
    ratio = modelos_predicao.c.metrics[RATIO].as_string()
    query = select(modelos_predicao.c.sku, ratio).join(product).where(modelos_predicao.c.champion, product.c.active)
    return {sku: float(text) for sku, text in connection.execute(query) if text not in (None, "null")}


def without_model(connection: Connection) -> dict[str, str]:
    """SKU -> why no model answers for it, for active products."""
    reason = forecast.c.facts["why_a_simple_method"].as_string()
    query = (
        select(product.c.sku, forecast.c.id, forecast.c.model_used, reason)
        .outerjoin(forecast, (forecast.c.sku == product.c.sku) & forecast.c.current)
        .where(product.c.active, forecast.c.model_version.is_(None))
        .order_by(product.c.sku)
    )
    found = {}
    for sku, id_, model_used, why in connection.execute(query):
        found[sku] = NOTHING_YET if id_ is None else f"{model_used} answers: {why or 'no model'}"
    return found


def newest_day(connection: Connection) -> date | None:
    """The newest day that any active product's forecast starts from: the last day of the source; None before the first one."""
    newest: date | None = connection.scalar(
        select(func.max(forecast.c.origin)).join(product).where(forecast.c.current, product.c.active)
    )
    return newest


def newest_measurement(connection: Connection) -> int:
    """The id of the monitor's newest result, 0 before the first: where it has not moved, nothing was measured since."""
    return int(connection.scalar(select(func.max(monitor_result.c.id))) or 0)
