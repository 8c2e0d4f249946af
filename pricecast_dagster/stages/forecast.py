"""forecast: the coming days of a SKU, from its model and its rows; where there is no usable model, from a simple method.

Belongs here: choosing who answers, one vectorised pass over a chunk, validation. Not here: forecasting itself
(`forecasting.model`, `forecasting.baselines`).
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricecast_dagster.schemas import (
    FORECAST_COLUMNS,
    LEVELS,
    LOWER_80,
    LOWER_95,
    MODEL_USED,
    ORIGIN,
    PRICE,
    SKU,
    UPPER_80,
    UPPER_95,
    Stage,
    forecast_schema,
)
from pricecast_dagster.stages import versions
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.outcome import Check, Outcome, Status
from pricecast_dagster.stages.plausibility import forecast_plausible
from pricecast_dagster.stages.validation import failures
from pricecast_dagster.storage.forecasts import StoredForecast
from pricecast_dagster.storage.state_records import Inputs

if TYPE_CHECKING:
    import pandas as pd

    from pricecast_dagster.forecasting.model import Model


BANDS = (LOWER_80, UPPER_80, LOWER_95, UPPER_95)


@dataclass(frozen=True, slots=True)
class Forecasting:
    """What a chunk's forecasting gives: outcomes, and the forecasts that a commit stores."""

    outcomes: list[Outcome]
    forecasts: list[StoredForecast]


@dataclass(frozen=True, slots=True)
class Order:
    """One SKU that is due for a forecast.

    Attributes:
        model: the model that is to answer, with its version; None where there is none.
        no_model: why there is none, in words.
    """

    sku: str
    reason: str
    inputs: Inputs
    history_version: str
    model: "Model | None"
    model_version: str | None
    no_model: str


def forecast(context: StageContext, orders: Sequence[Order], histories: "Mapping[str, pd.DataFrame]") -> Forecasting:
    """Forecast the SKUs of a chunk, each from its own last day.

    Args:
        histories: SKU -> its raw_history, of every SKU of `orders`.
    """
    if not orders:
        return Forecasting([], [])
    began = time.perf_counter()
    # Absurd quantities overflow in the features; what comes of it is judged by the schema, a warning would help nobody.
    with np.errstate(over="ignore", invalid="ignore"):
        answers, refused = _answers(context, orders, histories)
    broken = failures(forecast_schema(), _frame(answers)) if answers else {}
    seconds = (time.perf_counter() - began) / len(orders)
    result = Forecasting([], [])
    for order in orders:
        answer = answers.get(order.sku)
        if answer is None or order.sku in broken:
            result.outcomes.append(_failed(order, broken.get(order.sku) or refused[order.sku], seconds))
            continue
        version = versions.forecast_version(order.model_version, order.history_version, order.inputs.code_version)
        result.forecasts.append(_stored(context, order, answer, version))
        plausible = forecast_plausible(answer.frame, histories[order.sku])
        result.outcomes.append(_fresh(order, answer, version, seconds, plausible))
    return result


@dataclass(frozen=True)
class _Answer:
    """Who answered for a SKU, with what.

    Attributes:
        frame: one row a day ahead, with the columns of a backtest.
        coverage: measured share of past days inside each band; empty for a simple method.
        instead: why a simple method answered, None where the model did.
    """

    frame: "pd.DataFrame"
    model_used: str
    coverage: Mapping[str, object]
    instead: str | None


def _answers(
    context: StageContext, orders: Sequence[Order], histories: "Mapping[str, pd.DataFrame]"
) -> tuple[dict[str, _Answer], dict[str, str]]:
    """SKU -> its answer, and SKU -> why it has none: the model where there is one, else, and where it fails, the ladder."""
    import pandas as pd

    from pricecast_dagster.forecasting.fallback import fallback
    from pricecast_dagster.forecasting.model import forecast
    from pricecast_dagster.forecasting.panel import build_panel

    horizon = context.settings.horizon_days
    panel = build_panel(pd.concat([histories[order.sku] for order in orders], ignore_index=True))
    by_sku = {order.sku: order for order in orders}
    instead = {order.sku: order.no_model for order in orders if order.model is None}
    answers: dict[str, _Answer] = {}
    modelled = [row for row, sku in enumerate(panel.skus) if by_sku[sku].model is not None]
    if modelled:
        models = [model for row in modelled if (model := by_sku[panel.skus[row]].model) is not None]
        done = forecast(models, panel.select(modelled), context.calendar, horizon)
        instead |= {sku: str(error) for sku, error in done.refused.items()}
        for sku, frame in _split(done.to_frame()).items():
            order = by_sku[sku]
            assert order.model is not None
            name = f"{frame[MODEL_USED].iloc[0]}_v{order.model_version}"
            answers[sku] = _Answer(frame, name, order.model.facts["coverage"], None)
    refused: dict[str, str] = {}
    if instead:
        simple = fallback(panel.select([row for row, sku in enumerate(panel.skus) if sku in instead]), horizon)
        refused = {sku: str(error) for sku, error in simple.refused.items()}
        for sku, frame in _split(simple.to_frame()).items():
            answers[sku] = _Answer(frame, str(frame[MODEL_USED].iloc[0]), {}, instead[sku])
    return answers, refused


def _split(frame: "pd.DataFrame") -> "dict[str, pd.DataFrame]":
    return {str(sku): rows.reset_index(drop=True) for sku, rows in frame.groupby(SKU, sort=False)}


def _frame(answers: Mapping[str, _Answer]) -> "pd.DataFrame":
    import pandas as pd

    return pd.concat([answer.frame for answer in answers.values()], ignore_index=True)[list(FORECAST_COLUMNS)]


def _stored(context: StageContext, order: Order, answer: _Answer, version: str) -> StoredForecast:
    facts: dict[str, object] = {"coverage": dict(answer.coverage)}
    if order.model is not None and answer.instead is None:
        facts["metrics"] = order.model.facts["metrics"]
    if answer.instead is not None:
        facts["why_a_simple_method"] = answer.instead
    price, lower_80, upper_80, lower_95, upper_95 = (tuple(map(float, answer.frame[name])) for name in (PRICE, *BANDS))
    return StoredForecast(
        sku=order.sku,
        version=version,
        origin=answer.frame[ORIGIN].iloc[0].date(),
        model_used=answer.model_used,
        model_version=order.model_version if answer.instead is None else None,
        history_version=order.history_version,
        code_version=order.inputs.code_version,
        made_at=context.clock(),
        facts=facts,
        price=price,
        lower_80=lower_80,
        upper_80=upper_80,
        lower_95=lower_95,
        upper_95=upper_95,
    )


def _share(answer: _Answer, level: int) -> float | None:
    share = answer.coverage.get(str(level))
    return None if share is None else float(str(share))


def _fresh(order: Order, answer: _Answer, version: str, seconds: float, plausible: Check) -> Outcome:
    first = answer.frame.iloc[0]
    facts: dict[str, object] = {
        "model_used": answer.model_used,
        "origin": f"{first[ORIGIN]:%Y-%m-%d}",
        "horizon_days": len(answer.frame),
        "price_tomorrow": round(float(first[PRICE]), 4),
        "band_80_tomorrow": f"{first[LOWER_80]:.4g} to {first[UPPER_80]:.4g}",
        "mean_price": round(float(np.mean(answer.frame[PRICE])), 4),
    }
    facts |= {f"coverage_{level}": share for level in LEVELS if (share := _share(answer, level)) is not None}
    if answer.instead is not None:
        facts["why_a_simple_method"] = answer.instead
    return Outcome(
        order.sku,
        Stage.FORECAST,
        Status.FRESH,
        order.reason,
        data_version=version,
        inputs=order.inputs,
        seconds=seconds,
        metadata=facts,
        checks=(Check("forecast_schema", True, "finite, not negative, bands in order"), plausible),
    )


def _failed(order: Order, found: str, seconds: float) -> Outcome:
    return Outcome(
        order.sku,
        Stage.FORECAST,
        Status.FAILED,
        order.reason,
        inputs=order.inputs,
        seconds=seconds,
        error=f"SKU {order.sku!r}: {found}",
        checks=(Check("forecast_schema", False, found),),
    )
