"""forecast: the coming days of a SKU, from its model and its rows; where there is no usable model, from a simple method.

Belongs here: choosing who answers, one vectorised pass over a chunk, validation. Not here: forecasting itself
(`forecasting.model`, `forecasting.baselines`).
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pricecast_dagster.errors import PricecastError
from pricecast_dagster.schemas import Stage, forecast_schema
from pricecast_dagster.stages import versions
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.outcome import Check, Outcome, Status
from pricecast_dagster.stages.validation import failures
from pricecast_dagster.storage.forecasts import StoredForecast
from pricecast_dagster.storage.states import Inputs

if TYPE_CHECKING:
    import pandas as pd

    from pricecast_dagster.forecasting.model import Forecasts, Model
    from pricecast_dagster.forecasting.panel import Panel


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


def forecast(context: StageContext, orders: list[Order], panel: "Panel") -> Forecasting:
    """Forecast the SKUs of a chunk, each from its own last day.

    Args:
        panel: of exactly the SKUs of `orders`, in their order.
    """
    began = time.perf_counter()
    answers, refused = _answers(context, orders, panel)
    frame = _frame([answer.frame for answer in answers.values()])
    broken = failures(forecast_schema(), frame) if answers else {}
    seconds = (time.perf_counter() - began) / max(len(orders), 1)
    result = Forecasting([], [])
    for order in orders:
        answer = answers.get(order.sku)
        if answer is None or order.sku in broken:
            check = Check("forecast_schema", False, broken.get(order.sku) or refused[order.sku])
            result.outcomes.append(_failed(order, check, seconds))
            continue
        version = versions.forecast_version(order.model_version, order.history_version, order.inputs.code_version)
        result.forecasts.append(_stored(context, order, answer, version))
        result.outcomes.append(
            Outcome(
                order.sku,
                Stage.FORECAST,
                Status.FRESH,
                order.reason,
                data_version=version,
                inputs=order.inputs,
                seconds=seconds,
                metadata=_facts(answer),
                checks=(Check("forecast_schema", True, "finite, not negative, bands in order"),),
            )
        )
    return result
