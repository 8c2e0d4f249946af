"""A chunk: some SKUs on their way through all selected stages, and the one transaction that makes the results true.

Belongs here: the order of the stages, what each is handed, the commit. Not here: what a stage does.

Everything a chunk computes is written under names that nothing refers to yet; one transaction then moves states, registry and
forecasts together. So a killed run leaves every product either old or new, and loses one chunk at most. Whoever comes second
with results from inputs that have changed meanwhile is refused, product by product.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pricecast_dagster.schemas import STAGES, Stage
from pricecast_dagster.stages import bundles, commit, features, forecast, history, shadow, stored, training
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.history import Arrival
from pricecast_dagster.stages.outcome import Outcome, Status
from pricecast_dagster.stages.plan import Plan
from pricecast_dagster.stages.shared import codes_in_force
from pricecast_dagster.stages.staleness import present_inputs, why_stale
from pricecast_dagster.stages.versions import NO_MODEL
from pricecast_dagster.storage import products, registry, requests, trials
from pricecast_dagster.storage.registry import ModelVersion
from pricecast_dagster.storage.state_records import Inputs, StageState
from pricecast_dagster.storage.states import read_states
from pricecast_dagster.storage.trials import ShadowForecast, Trial

if TYPE_CHECKING:
    import pandas as pd

    from pricecast_dagster.forecasting.model import Model


@dataclass
class _Chunk:
    """The working set of one chunk; `states` are the stored ones, moved on by the chunk's own results."""

    context: StageContext
    plan: Plan
    codes: Mapping[Stage, str]
    skus: Sequence[str]
    states: dict[tuple[str, Stage], StageState]
    requests: Mapping[str, requests.RetrainRequest]
    held: Mapping[str, str]
    champions: Mapping[str, ModelVersion]
    newest: Mapping[str, str]
    trials: Mapping[str, Trial]
    outcomes: list[Outcome] = field(default_factory=list)
    histories: "dict[str, pd.DataFrame]" = field(default_factory=dict)
    models: "dict[str, Model]" = field(default_factory=dict)

    def take(self, outcomes: Sequence[Outcome]) -> None:
        """Note outcomes, and move the states on as a commit would."""
        self.outcomes += outcomes
        for outcome in outcomes:
            if outcome.inputs is not None:
                key = (outcome.sku, outcome.stage)
                self.states[key] = commit.moved_on(self.states.get(key), outcome)

    def due(self, stage: Stage) -> dict[str, tuple[str, Inputs]]:
        """SKU -> why and from what, for those the stage is to be computed for; notes those it is not."""
        due: dict[str, tuple[str, Inputs]] = {}
        for sku in self.skus:
            request = self.requests.get(sku)
            present = present_inputs(sku, stage, self.states, self.codes, request.id if request else None)
            state = self.states.get((sku, stage))
            if present is None:
                self._blocked(sku, stage)
                continue
            stale = why_stale(state, present)
            if stale == "retrain request" and request is not None:
                stale = f"retrain request: {request.reason}"
            if stale is None and self.plan.only_stale:
                self.take([Outcome(sku, stage, Status.UNCHANGED, "up to date", state.data_version if state else None)])
            else:
                due[sku] = (stale or "asked for", present)
        return due

    def _blocked(self, sku: str, stage: Stage) -> None:
        # In a chain the failure above says it all; asked for alone, the stage has to say what is missing.
        if stage.upstream in self.plan.stages or self.plan.only_stale:
            return
        missing = next(
            above
            for above in STAGES
            if (state := self.states.get((sku, above))) is None or state.data_version is None or state.error is not None
        )
        failed = self.states.get((sku, missing))
        why = f" It failed: {failed.error}" if failed is not None and failed.error is not None else ""
        error = f"SKU {sku!r} has no usable {missing}, which {stage} needs.{why} Materialize {missing} of this product first."
        self.take([Outcome(sku, stage, Status.FAILED, "asked for", error=error)])


def work(
    context: StageContext, plan: Plan, arrival: Arrival | None, skus: Sequence[str], stages: frozenset[Stage]
) -> list[Outcome]:
    """Bring some SKUs through the stages and commit.

    Returns:
        What became of each in each stage that was looked at, as it is committed.
    """
    chunk = _open(context, plan, skus)
    before = dict(chunk.states)
    written = commit.Rows()
    for stage in (stage for stage in STAGES if stage in stages):
        if stage is Stage.RAW_HISTORY:
            _history(chunk, arrival)
        elif stage is Stage.FEATURE_TABLE:
            due = _readable(chunk, stage, chunk.due(stage))
            chunk.take(features.build(context, chunk.histories, due))
        elif stage is Stage.PRICE_MODEL:
            written = _train(chunk, written)
        else:
            written = _forecast(chunk, written)
    ingest_id = arrival.ingest_id if arrival else None
    return commit.commit(context, chunk.outcomes, before, written, chunk.champions, ingest_id)


def _open(context: StageContext, plan: Plan, skus: Sequence[str]) -> _Chunk:
    codes = codes_in_force(context.database, context.settings, context.calendar)
    with context.database.read() as connection:
        known = products.known_skus(connection, skus)
        absent = {sku: str(products.absent(connection, sku)) for sku in skus if sku not in known}
        chunk = _Chunk(
            context=context,
            plan=plan,
            codes=codes,
            skus=[sku for sku in skus if sku in known],
            states=read_states(connection, skus, None),
            requests=requests.newest(connection, skus),
            held=products.held(connection, skus),
            champions=registry.champions(connection, skus),
            newest=registry.newest_names(connection, skus),
            trials=trials.open_trials(connection, skus),
        )
    first = next(stage for stage in STAGES if stage in plan.stages)
    chunk.take([Outcome(sku, first, Status.FAILED, "asked for", error=told) for sku, told in absent.items()])
    return chunk


def _history(chunk: _Chunk, arrival: Arrival | None) -> None:
    if arrival is None:
        return
    outcomes, frames = history.update(
        chunk.context, arrival, chunk.skus, chunk.states, chunk.codes[Stage.RAW_HISTORY], only_stale=chunk.plan.only_stale
    )
    chunk.take(outcomes)
    chunk.histories.update(frames)
    for key in commit.to_be_tried_again(outcomes, chunk.states):
        chunk.states[key] = replace(chunk.states[key], failed_inputs=None, error=None)


def _readable(chunk: _Chunk, stage: Stage, due: Mapping[str, tuple[str, Inputs]]) -> dict[str, tuple[str, Inputs]]:
    """Those of the SKUs whose raw history is at hand: this chunk's own, or what is stored; the others have failed."""
    readable = {}
    for sku, (reason, inputs) in due.items():
        version = chunk.states[sku, Stage.RAW_HISTORY].data_version
        assert version is not None
        try:
            if sku not in chunk.histories:
                chunk.histories[sku] = stored.rows_of(chunk.context, sku, version)
            readable[sku] = (reason, inputs)
        except stored.UNREADABLE as error:
            chunk.take([stored.lost(sku, stage, reason, inputs, error)])
    return readable


def _train(chunk: _Chunk, written: commit.Rows) -> commit.Rows:
    due = chunk.due(Stage.PRICE_MODEL)
    orders = []
    for sku, (reason, inputs) in due.items():
        request = chunk.requests.get(sku)
        asked = reason.startswith("retrain request") or not chunk.plan.only_stale
        if sku in chunk.held and not asked:
            told = f"model deleted ({chunk.held[sku]}); it is trained again when it is asked for"
            chunk.take([Outcome(sku, Stage.PRICE_MODEL, Status.UNCHANGED, told)])
            continue
        if sku in chunk.held and not reason.startswith("retrain request"):
            reason = "asked for"
        optimize, trials = _tuning(chunk, sku, reason, request)
        history_version = chunk.states[sku, Stage.RAW_HISTORY].data_version
        features_from = chunk.states[sku, Stage.FEATURE_TABLE].inputs
        assert history_version is not None and features_from is not None
        champion, newest = chunk.champions.get(sku), chunk.newest.get(sku)
        orders.append(training.Order(sku, reason, inputs, history_version, features_from, champion, newest, optimize, trials))
    done = training.train(chunk.context, orders)
    chunk.take(done.outcomes)
    chunk.models.update(done.models)
    return replace(written, champions=tuple(done.champions), challengers=tuple(done.challengers), trials=tuple(done.trials))


def _tuning(chunk: _Chunk, sku: str, reason: str, request: "requests.RetrainRequest | None") -> tuple[bool, int]:
    """Whether a new recipe is looked for, and with how many trials."""
    trials = chunk.plan.trials or chunk.context.settings.trials
    mode = chunk.plan.optimize
    if mode == "auto" and chunk.context.settings.optimize != "auto":
        mode = chunk.context.settings.optimize
    if mode != "auto":
        return mode == "always", trials
    if request is not None and reason.startswith("retrain request"):
        return request.optimize, request.trials or trials
    return sku not in chunk.champions, trials


def _forecast(chunk: _Chunk, written: commit.Rows) -> commit.Rows:
    due = _readable(chunk, Stage.FORECAST, chunk.due(Stage.FORECAST))
    orders = [_order(chunk, sku, reason, inputs) for sku, (reason, inputs) in due.items()]
    done = forecast.forecast(chunk.context, orders, {sku: chunk.histories[sku] for sku in due})
    chunk.take(done.outcomes)
    return replace(
        written, forecasts=tuple(done.forecasts), shadows=tuple(_shadows(chunk, [row.sku for row in done.forecasts], written))
    )


def _shadows(chunk: _Chunk, skus: Sequence[str], written: commit.Rows) -> list[ShadowForecast]:
    """What the models on trial would have forecast; a trial that begins or ends with this chunk's contest has none."""
    moved = {trial.sku for trial in written.trials}
    running = [chunk.trials[sku] for sku in skus if sku in chunk.trials and sku not in moved]
    panels = {}
    for trial in running:
        version = chunk.states[trial.sku, Stage.FEATURE_TABLE].data_version
        if version is not None:
            # A day that cannot be forecast is not compared.
            with suppress(*stored.UNREADABLE):
                panels[trial.sku] = stored.panel_of(chunk.context, trial.sku, version)
    return shadow.forecast(chunk.context, [trial for trial in running if trial.sku in panels], panels)


def _order(chunk: _Chunk, sku: str, reason: str, inputs: Inputs) -> forecast.Order:
    state = chunk.states.get((sku, Stage.PRICE_MODEL))
    history_version = chunk.states[sku, Stage.RAW_HISTORY].data_version
    assert history_version is not None
    version = state.data_version if state else None
    if version is None or version == NO_MODEL:
        told = "too short a history" if version == NO_MODEL else "no model"
        if state is not None and state.error is not None:
            told = f"training failed: {state.error}"
        return forecast.Order(sku, reason, inputs, history_version, None, None, told)
    try:
        model = chunk.models.get(sku) or bundles.load_model(chunk.context, sku, version)
    except stored.UNREADABLE as error:
        told = f"model {version} cannot be read: {error.args[0]} `pricecast train --sku {sku}` makes it again."
        return forecast.Order(sku, reason, inputs, history_version, None, None, told)
    return forecast.Order(sku, reason, inputs, history_version, model, version, "")
