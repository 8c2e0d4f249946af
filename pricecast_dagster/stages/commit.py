"""Commit: one transaction that makes a chunk's results true, and refuses those that came second.

Belongs here: states, registry and forecasts moving together; tidying what they superseded. Not here: computing anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pricecast_dagster.schemas import STAGES, Stage
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.outcome import Check, Outcome, Status
from pricecast_dagster.storage import forecasts, products, registry, requests, states
from pricecast_dagster.storage.forecasts import StoredForecast
from pricecast_dagster.storage.registry import ModelVersion
from pricecast_dagster.storage.states import StageState


@dataclass(frozen=True, slots=True)
class Rows:
    """What a chunk writes besides states."""

    champions: tuple[ModelVersion, ...] = ()
    challengers: tuple[ModelVersion, ...] = ()
    forecasts: tuple[StoredForecast, ...] = ()


def moved_on(state: StageState | None, outcome: Outcome) -> StageState:
    """The state of a SKU's stage after an outcome: as the commit stores it."""
    before = state or StageState(sku=outcome.sku, stage=outcome.stage)
    if outcome.status is Status.FAILED:
        return replace(before, failed_inputs=outcome.inputs, error=outcome.error, reason=outcome.reason)
    return replace(
        before,
        data_version=outcome.data_version,
        inputs=outcome.inputs,
        failed_inputs=None,
        error=None,
        reason=outcome.reason,
        seconds=outcome.seconds,
        metadata=dict(outcome.metadata),
    )
