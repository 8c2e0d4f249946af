"""Lineage: from a product's forecast back to the rows of the source, with versions, runs, decisions and times.

Belongs here: putting together what the stores have on record. Not here: how it is shown (`cli`, `api`), recomputing it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pricecast_dagster.errors import UnknownVersionError
from pricecast_dagster.forecasting.recipe import POOLED
from pricecast_dagster.schemas import LINE, REASON, SKU, STAGES, Stage
from pricecast_dagster.stages.commit import CHECKS
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.shared import codes_in_force
from pricecast_dagster.stages.staleness import present_inputs, why_stale
from pricecast_dagster.storage import (
    forecasts,
    ingests,
    monitor_results,
    pooled_models,
    products,
    registry,
    requests,
    served_scores,
    trials,
)
from pricecast_dagster.storage.monitor_results import MonitorResult
from pricecast_dagster.storage.pooled_models import PooledModel
from pricecast_dagster.storage.products import Product
from pricecast_dagster.storage.registry import ModelVersion
from pricecast_dagster.storage.requests import RetrainRequest
from pricecast_dagster.storage.served_scores import ServedScore
from pricecast_dagster.storage.state_records import StageState
from pricecast_dagster.storage.states import read_states
from pricecast_dagster.storage.trials import Trial

LISTED_VERSIONS = 5
LISTED_ROWS = 10
LISTED_FINDINGS = 10


@dataclass(frozen=True, slots=True)
class Step:
    """One stage on the way back from the forecast.

    Attributes:
        version: data version of what it holds; None where it holds nothing.
        made_from: data version of its input; code_version: of what computed it.
        reason: why it was computed the last time.
        when: the last time it was computed, or tried; run_id: by which Dagster run, None from the command line.
        stale: why it is out of date now; None where it is not.
        error: what went wrong in the last attempt.
        facts: what is on record for people.
    """

    stage: Stage
    version: str | None
    made_from: str | None
    code_version: str | None
    reason: str
    when: datetime | None
    run_id: str | None
    stale: str | None
    error: str | None
    facts: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lineage:
    """Everything on record about one product.

    Attributes:
        steps: from the forecast up to raw_history.
        models: the newest versions of its model, each with why it was trained and what was decided.
        requests: what asked for it to be trained again, newest first.
        served: how far its served forecasts were off, of all days ahead, by window.
        findings: what the monitor found of it, newest first; trials: of its models, newest first.
        pooled: the pooled model in force, where models learn from one.
        source: where its rows came from and when they were read; rejected: rows of it that were not taken, at most ten.
    """

    product: Product
    steps: tuple[Step, ...]
    models: tuple[ModelVersion, ...]
    requests: tuple[RetrainRequest, ...]
    served: tuple[ServedScore, ...]
    findings: tuple[MonitorResult, ...]
    trials: tuple[Trial, ...]
    pooled: PooledModel | None
    source: str
    read_at: datetime | None
    rejected: tuple[str, ...]


def why(context: StageContext, sku: str) -> Lineage:
    """Explain a product's forecast, back to the rows of the source.

    Raises:
        UnknownSkuError: there is no such product.
    """
    with context.database.read() as connection:
        product = products.get(connection, sku)
        states = read_states(connection, [sku])
        asked = requests.listed(connection, sku=sku)
        newest = requests.newest(connection, [sku]).get(sku)
        models = registry.versions(connection, sku)[:LISTED_VERSIONS]
        current = forecasts.currents(connection, [sku]).get(sku)
        reads = ingests.recent(connection, 100)
        served = [score for score in served_scores.of_sku(connection, sku) if score.horizon == served_scores.ALL_HORIZONS]
        found = monitor_results.of_sku(connection, sku, limit=LISTED_FINDINGS)
        on_trial = trials.listed(connection, sku=sku, limit=LISTED_VERSIONS)
        pooled = pooled_models.in_force(connection) if POOLED in context.settings.members else None
    codes = codes_in_force(context.database, context.settings, context.calendar)
    steps = []
    for stage in reversed(STAGES):
        state = states.get((sku, stage))
        request_id = newest.id if newest else None
        # Whether raw_history is out of date is for the source to say.
        present = None if stage is Stage.RAW_HISTORY else present_inputs(sku, stage, states, codes, request_id)
        stale = None if present is None else why_stale(state, present)
        steps.append(_step(stage, state, stale))
    if current is not None:
        steps[0].facts.update(model_used=current.model_used, origin=str(current.origin), horizon_days=current.horizon_days)
    history = states.get((sku, Stage.RAW_HISTORY))
    read = next((one for one in reads if history and one.id == history.ingest_id), None)
    return Lineage(
        product=product,
        steps=tuple(steps),
        models=tuple(models),
        requests=tuple(asked),
        served=tuple(served),
        findings=tuple(found),
        trials=tuple(on_trial),
        pooled=pooled,
        source=context.settings.source,
        read_at=read.finished_at or read.started_at if read else None,
        rejected=_rejected(context, sku, [one.id for one in reads]),
    )


def _step(stage: Stage, state: StageState | None, stale: str | None) -> Step:
    if state is None:
        return Step(stage, None, None, None, "never computed", None, None, stale, None)
    facts = {name: value for name, value in state.metadata.items() if name != CHECKS}
    return Step(
        stage=stage,
        version=state.data_version,
        made_from=state.inputs.upstream_version if state.inputs else None,
        code_version=state.inputs.code_version if state.inputs else None,
        reason=state.reason,
        when=state.updated_at,
        run_id=state.run_id,
        stale=stale,
        error=state.error,
        facts=facts,
    )


def _rejected(context: StageContext, sku: str, ingest_ids: Sequence[int]) -> tuple[str, ...]:
    """Rows of this product that the last read with rejected rows did not take: file, line, why."""
    for ingest_id in ingest_ids:
        try:
            frame = context.frames.read_rejected(ingest_id)
        except UnknownVersionError:
            continue
        rows = frame[frame[SKU] == sku].head(LISTED_ROWS)
        return tuple(f"{row.file}, line {row[LINE]}: {row[REASON]}" for _, row in rows.iterrows())
    return ()
