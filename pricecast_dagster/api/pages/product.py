"""The page of one product: history and forecast, earlier forecasts, versions, checks, what moved it, retraining.

Belongs here: gathering what the page shows. Not here: how it looks (`templates`), drawing (`static/product.js`).
"""

import json
import logging
from datetime import date
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from pricecast_dagster.api.pages.rendering import page
from pricecast_dagster.api.parameters import SkuPath
from pricecast_dagster.api.routes.registry import numbers
from pricecast_dagster.api.services import Services
from pricecast_dagster.errors import DatabaseUnavailableError, NoUsableHistoryError, StorageError
from pricecast_dagster.forecasting.scores import LAST_VALUE
from pricecast_dagster.forecasting.settling import BOLD, CAREFUL, READY, STILL, WARY
from pricecast_dagster.operations import explaining, forecasts, lineage, models, oversight
from pricecast_dagster.operations.explaining import Explained
from pricecast_dagster.schemas import DATE, PRICE, QUANTITY, Stage
from pricecast_dagster.stages.commit import CHECKS
from pricecast_dagster.storage import forecasts as stored_forecasts
from pricecast_dagster.storage import states
from pricecast_dagster.storage.forecasts import StoredForecast
from pricecast_dagster.storage.json_text import to_json
from pricecast_dagster.storage.registry import ModelVersion
from pricecast_dagster.storage.served_scores import ALL_HORIZONS

_log: Final = logging.getLogger("pricecast.api")
DAYS_SHOWN: Final = 1100
EARLIER_SHOWN: Final = 12
FEATURES_SHOWN: Final = 8

_CAUTIONS: Final = {
    STILL: "In this product's past nothing was gained by leaving the last price, so the forecast stays at it.",
    WARY: "By its past, the last price is left only where it has very probably changed by then.",
    CAREFUL: "By its past, the last price is left only where it has probably changed by then.",
    READY: "By its past, the last price is left where it may well have changed by then.",
    BOLD: "By its past, the last price is left unless it has very probably stood until then.",
}


def build(services: Services) -> APIRouter:
    """The routes."""
    router = APIRouter(include_in_schema=False)
    context = services.context

    @router.get("/products/{sku:path}")
    def product(request: Request, sku: SkuPath) -> Response:
        """Everything about one product."""
        why = lineage.why(context, sku)
        service = oversight.of_product(context, sku)
        dossier = models.dossier(context, sku)
        with context.database.read() as connection:
            earlier = stored_forecasts.of_sku(connection, sku, limit=EARLIER_SHOWN)
            known = states.read_states(connection, [sku], None)
        current = next((one for one in earlier if one.current), None)
        days = _history(services, sku)
        judged = _judged([one for one in earlier if not one.current], days)
        shown = {
            "sku": sku,
            "currency": services.settings.currency,
            "history": days,
            "forecast": _series(current) if current else None,
            "earlier": [_series(one) for one in earlier if not one.current],
        }
        checks = {
            name: passed
            for stage in Stage
            if (state := known.get((sku, stage)))
            for name, passed in _checks(state.metadata).items()
        }
        influences, why_none = _influences(services, sku, current)
        champion = next((version for version in dossier.versions if version.champion), None)
        return page(
            request,
            "product.html",
            services.settings.currency,
            product=why.product,
            steps=why.steps,
            stale=next((step.stale for step in why.steps if step.stale), None),
            failed=next((step.error for step in why.steps if step.error), None),
            rejected=why.rejected,
            dossier=dossier,
            champion=champion,
            members=_members(champion) if champion else [],
            caution=_caution(champion) if champion else "",
            usual_error=champion.metrics.get("rmse_multi") if champion else None,
            numbers=numbers,
            current=current,
            coverage=current.facts.get("coverage") or {} if current else {},
            why_simple=current.facts.get("why_a_simple_method") if current else None,
            last_price=days["price"][-1] if days["price"] else None,
            checks=checks,
            judged=judged,
            service=service,
            served=[one for one in service.scores if one.horizon == ALL_HORIZONS],
            influences=influences,
            why_no_influences=why_none,
            # `<` cannot end the element that the data stand in.
            data=to_json(shown).replace("<", "\\u003c"),
        )

    return router


def _history(services: Services, sku: str) -> dict[str, list[Any]]:
    try:
        frame = forecasts.history(services.context, sku, DAYS_SHOWN)
    except DatabaseUnavailableError:
        raise
    except (NoUsableHistoryError, StorageError):
        return {"date": [], "price": [], "quantity": []}
    return {
        "date": [f"{day:%Y-%m-%d}" for day in frame[DATE]],
        "price": frame[PRICE].tolist(),
        "quantity": json.loads(to_json(frame[QUANTITY].tolist())),
    }


def _series(stored: StoredForecast) -> dict[str, Any]:
    return {
        "date": [str(day) for day in (stored.origin, *stored.dates)][1:],
        "origin": str(stored.origin),
        "price": stored.price,
        "lower_80": stored.lower_80,
        "upper_80": stored.upper_80,
        "lower_95": stored.lower_95,
        "upper_95": stored.upper_95,
        "model_used": stored.model_used,
    }


def _judged(earlier: list[StoredForecast], days: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Earlier forecasts against what happened since: days that are known, mean error, share inside the 80 % band."""
    happened = dict(zip(days["date"], days["price"], strict=True))
    judged = []
    for one in earlier:
        met = [
            (price, happened[str(day)], low, high)
            for day, price, low, high in zip(one.dates, one.price, one.lower_80, one.upper_80, strict=True)
            if str(day) in happened
        ]
        row: dict[str, Any] = {
            "origin": one.origin,
            "model_used": one.model_used,
            "days": len(met),
            "error": None,
            "inside": None,
        }
        if met:
            row["error"] = sum(abs(price - actual) for price, actual, _, _ in met) / len(met)
            row["inside"] = sum(low <= actual <= high for _, actual, low, high in met) / len(met)
        judged.append(row)
    return judged


def _checks(metadata: Any) -> dict[str, bool]:
    found = metadata.get(CHECKS, {})
    return dict(found) if isinstance(found, dict) else {}


def _members(champion: ModelVersion) -> list[tuple[str, float, float | None]]:
    """Each member of the model, the heaviest first: name, share of its move that is gone, error at past origins in price units.

    What is missing to a whole is the last price's own; it stands last.
    """
    blend: Any = champion.facts.get("blend") or {}
    errors: Any = champion.facts.get("member_errors") or {}
    weights = {str(name): float(weight) for name, weight in blend.get("weights", {}).items()}
    rows = [(name, weight, errors.get(name)) for name, weight in sorted(weights.items(), key=lambda one: (-one[1], one[0]))]
    return [*rows, (LAST_VALUE, max(1.0 - sum(weights.values()), 0.0), errors.get(LAST_VALUE))]


def _caution(champion: ModelVersion) -> str:
    """What it takes for the model to leave the last price; empty for noise and for models that were kept before it was chosen."""
    blend: Any = champion.facts.get("blend") or {}
    return _CAUTIONS.get(str(blend.get("caution")), "")


def _influences(services: Services, sku: str, current: StoredForecast | None) -> tuple[list[tuple[str, float, date]], str]:
    """The features that add most on any day of the forecast: name, price units, and on which day; without any, why."""
    if current is None or current.model_version is None:
        return [], "A simple method answers; it has no features."
    try:
        found: Explained = explaining.explain(services.context, sku, current.horizon_days)
    except DatabaseUnavailableError:
        raise
    except StorageError as error:
        # The rest of the page is shown all the same.
        _log.error(str(error), extra={"sku": sku})
        return [], f"It cannot be told: {error}"
    strongest: dict[str, tuple[str, float, date]] = {}
    for day in found.days:
        for one in day.strongest:
            if abs(one.effect) > abs(strongest.get(one.feature, ("", 0.0, day.day))[1]):
                strongest[one.feature] = (one.feature, one.effect, day.day)
    rows = sorted(strongest.values(), key=lambda row: -abs(row[1]))[:FEATURES_SHOWN]
    return rows, "" if rows else "No feature adds or takes anything: the forecast follows the level of the price alone."
