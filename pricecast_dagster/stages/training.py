"""price_model: the model that answers for a SKU, and how it came to be.

Belongs here: which way a SKU is trained, having a chunk's trainings carried out in parallel, and what became of each. Not here:
the training itself (`stages.lesson`), its way into the store (`stages.bundles`).

New data refits the champion's recipe and the refit takes its place: freshness is not a contest. Only a new recipe has to be at
least as good as the present one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from pricecast_dagster.compute.protocol import Failure
from pricecast_dagster.errors import SkuTooShortError, StorageError
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.recipe import POOLED
from pricecast_dagster.schemas import Stage
from pricecast_dagster.stages import versions
from pricecast_dagster.stages.bundles import Origin, next_version_time, store_model
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.lesson import Task, Trained, Way, carry_out
from pricecast_dagster.stages.outcome import Check, Outcome, Status
from pricecast_dagster.stages.shadow import begin_trial
from pricecast_dagster.stages.shared import pooled_of
from pricecast_dagster.stages.stored import UNREADABLE, lost, model_if_readable, panel_or_rebuilt, recipe_alone
from pricecast_dagster.stages.weights import weigh_again
from pricecast_dagster.storage.registry import ModelVersion
from pricecast_dagster.storage.staleness import DATA_CHANGED
from pricecast_dagster.storage.state_records import Inputs
from pricecast_dagster.storage.trials import Trial

if TYPE_CHECKING:
    from pricecast_dagster.forecasting.model import Model
    from pricecast_dagster.forecasting.pooled import Pooled

# Models take 60-300 kB; beyond this, loading takes longer than forecasting.
LARGEST_ARTEFACT = 5_000_000

# What one SKU takes on one core, for deciding whether worker processes are worth their start.
SECONDS_A_REFIT = 0.06
SECONDS_A_TRAINING = 0.25
SECONDS_A_TRIAL = 0.03


@dataclass(frozen=True, slots=True)
class Order:
    """One SKU that is due for training.

    Attributes:
        reason: why, in words.
        features_from: what its feature_table was built from.
        champion: its row in the registry; None where there is none.
        optimize: whether a new recipe is to be looked for; trials: with how many tuning trials, 0 for none.
    """

    sku: str
    reason: str
    inputs: Inputs
    history_version: str
    features_from: Inputs
    champion: ModelVersion | None
    newest_version: str | None
    optimize: bool
    trials: int


@dataclass(frozen=True, slots=True)
class Training:
    """What a chunk's training gives: outcomes, and the registry rows that a commit writes.

    Attributes:
        champions: rows that become champion; their artefacts are stored already.
        challengers: rows of recipes that lost.
        models: SKU -> the model that answers, for the forecast of the same chunk.
        trials: comparisons that begin with these rows.
    """

    outcomes: list[Outcome]
    champions: list[ModelVersion]
    challengers: list[ModelVersion]
    models: "dict[str, Model]"
    trials: list[Trial] = field(default_factory=list)


def train(context: StageContext, orders: Sequence[Order]) -> Training:
    """Train the SKUs of a chunk in parallel and store their models; nothing refers to them before the commit."""
    # A chunk is trained under one set of code versions, and they name the pooled model.
    pooled = pooled_of(context, orders[0].inputs.code_version) if orders else None
    training = Training([], [], [], {})
    ready, tasks = [], []
    for order in orders:
        try:
            tasks.append(_task(context, order, pooled))
            ready.append(order)
        except UNREADABLE as error:
            training.outcomes.append(lost(order.sku, Stage.PRICE_MODEL, order.reason, order.inputs, error))
    results = context.compute.map(carry_out, tasks, seconds_each=_seconds(tasks))
    for order, task, result in zip(ready, tasks, results, strict=True):
        if isinstance(result, Failure):
            training.outcomes.append(_without_model(order, result))
        else:
            _keep(context, order, task, result.value, result.seconds, training)
    return training


def _task(context: StageContext, order: Order, pooled: "Pooled | None") -> Task:
    champion = None if order.champion is None else model_if_readable(context, order.sku, order.champion.version)
    way = None
    if order.champion is not None and champion is None:
        champion = recipe_alone(order.champion)
        way = Way.CONTEST if order.optimize else Way.MAKE_AGAIN
    panel = panel_or_rebuilt(context, order.sku, order.inputs.upstream_version, order.features_from)
    return Task(
        sku=order.sku,
        way=way or _way(order, panel, champion),
        panel=panel,
        calendar=context.calendar,
        champion=champion,
        trials=order.trials if order.optimize else 0,
        seed=versions.seed_of(_fingerprint(order, champion)),
        minimum_history_days=context.settings.minimum_history_days,
        members=tuple(context.settings.members),
        on_trial=context.settings.shadow_days > 0,
        pooled=pooled,
    )


def _fingerprint(order: Order, champion: "Model | None") -> str:
    recipe = None if champion is None else champion.recipe.to_json()
    trials = order.trials if order.optimize else 0
    return versions.training_fingerprint(order.inputs.upstream_version, order.inputs.code_version, recipe, trials)


def _way(order: Order, panel: Panel, champion: "Model | None") -> Way:
    if champion is None:
        return Way.FIRST if order.newest_version is None else Way.AFRESH
    if order.optimize:
        return Way.CONTEST
    return way_on_new_data(panel, champion) if order.reason == DATA_CHANGED else Way.WEIGH


def way_on_new_data(panel: Panel, champion: "Model") -> Way:
    """How a champion goes on when its product has new days: fitted again, or weighed again after two weeks or a surprise."""
    return Way.WEIGH if weigh_again(panel, champion) else Way.REFIT


def _seconds(tasks: Sequence[Task]) -> float:
    if not tasks:
        return 0.0
    total = sum(
        SECONDS_A_REFIT if task.way is Way.REFIT else SECONDS_A_TRAINING + SECONDS_A_TRIAL * task.trials for task in tasks
    )
    return total / len(tasks)


def _without_model(order: Order, failure: Failure) -> Outcome:
    if failure.kind == SkuTooShortError.__name__:
        # Not a failure: the product is young. A simple method answers until there are enough days.
        return Outcome(
            order.sku,
            Stage.PRICE_MODEL,
            Status.FRESH,
            order.reason,
            data_version=versions.NO_MODEL,
            inputs=order.inputs,
            seconds=failure.seconds,
            metadata={"model_type": "none", "decision": str(failure)},
        )
    return Outcome(
        order.sku,
        Stage.PRICE_MODEL,
        Status.FAILED,
        order.reason,
        inputs=order.inputs,
        seconds=failure.seconds,
        metadata={"traceback": failure.traceback},
        error=f"SKU {order.sku!r}: {failure}",
    )


def _keep(context: StageContext, order: Order, task: Task, trained: Trained, seconds: float, training: Training) -> None:
    """Store what a training gave, and note the rows of the registry and the outcome."""
    origin = Origin(
        sku=order.sku,
        reason=order.reason,
        decision=trained.decision,
        fingerprint=_fingerprint(order, task.champion),
        seed=task.seed,
        way=task.way.name.lower(),
        trials=task.trials,
        predecessor=None if order.champion is None else order.champion.version,
        feature_version=order.inputs.upstream_version,
        history_version=order.history_version,
        code_version=order.inputs.code_version,
    )
    now = next_version_time(context.clock(), order.newest_version)
    champion = store_model(context, trained.champion, origin, now)
    training.champions.append(champion)
    training.models[order.sku] = trained.champion
    challenger = None
    if trained.challenger is not None:
        challenger = store_model(context, trained.challenger, origin, champion.trained_at + timedelta(seconds=1))
        training.challengers.append(challenger)
    begun = begin_trial(context, order.champion, champion, challenger, trained)
    if begun is not None:
        training.trials.append(begun)
    training.outcomes.append(_fresh(order, task, champion, seconds, _loads(context, champion)))


def _fresh(order: Order, task: Task, champion: ModelVersion, seconds: float, loads: Check) -> Outcome:
    return Outcome(
        order.sku,
        Stage.PRICE_MODEL,
        Status.FRESH,
        order.reason,
        data_version=champion.version,
        inputs=order.inputs,
        seconds=seconds,
        metadata={
            "model_type": champion.model_type,
            "decision": champion.decision,
            "way": task.way.name.lower(),
            "trials": task.trials,
            "training_samples": champion.training_samples,
            "validation_samples": champion.validation_samples,
            "features_count": champion.features_count,
            **({POOLED: champion.facts[POOLED]} if POOLED in champion.facts else {}),
            **champion.metrics,
        },
        checks=(_beats_naive(champion), loads),
    )


def _loads(context: StageContext, champion: ModelVersion) -> Check:
    """Whether the files that were just written come back whole, by their hashes, and how large they are."""
    try:
        files = context.artifacts.read_files(champion.sku, champion.version, champion.sha256)
    except StorageError as error:
        return Check("artefact_loads", False, str(error), blocking=False, quiet=True)
    size = sum(map(len, files.values()))
    if size > LARGEST_ARTEFACT:
        told = (
            f"{size:,} bytes, more than {LARGEST_ARTEFACT:,}: every forecast reads them. Tune it anew with fewer, smaller trees."
        )
        return Check("artefact_loads", False, told, blocking=False, quiet=True)
    return Check("artefact_loads", True, f"{len(files)} files, {size:,} bytes, read back whole", blocking=False, quiet=True)


def _beats_naive(champion: ModelVersion) -> Check:
    ratio = champion.metrics.get("ratio_to_best_simple")
    if ratio is None:
        return Check("beats_naive", True, "no held-out origins yet", blocking=False)
    share = float(str(ratio))
    found = f"error {share:.3f} of the best simple method's on held-out days of past origins"
    if share <= 1.0:
        return Check("beats_naive", True, found, blocking=False)
    return Check("beats_naive", False, f"{found}; its past supports nothing better than a simple method", blocking=False)
