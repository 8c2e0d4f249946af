"""price_model: the model that answers for a SKU, and how it came to be.

Belongs here: which way a SKU is trained (first, refit, weighed again, a contest of recipes), carrying the trainings out in
parallel, and who is champion afterwards. Not here: fitting (`forecasting.model`) and the rule of a contest
(`forecasting.promotion`).

New data refits the champion's recipe and the refit takes its place: freshness is not a contest. Only a new recipe has to be at
least as good as the present one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

from pricecast_dagster.compute.protocol import Failure
from pricecast_dagster.errors import SkuTooShortError
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.schemas import DATE, OBSERVED, PRICE, QUANTITY, Stage
from pricecast_dagster.stages import versions
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.outcome import Check, Outcome, Status
from pricecast_dagster.storage.registry import VERSION_FORMAT, ModelVersion, version_name
from pricecast_dagster.storage.states import Inputs

if TYPE_CHECKING:
    from pricecast_dagster.forecasting.model import Model

# Weights and bands are estimated on the last weeks before they were made; two weeks of new data are worth 0.2 s a SKU.
WEIGH_AGAIN_DAYS = 14

# What one SKU takes on one core, for deciding whether worker processes are worth their start.
SECONDS_A_REFIT = 0.06
SECONDS_A_TRAINING = 0.25
SECONDS_A_TRIAL = 0.03


MODEL_NAME = "LightGBM"

REGISTRY_FACTS = ("blend", "member_errors", "coverage", "trained_from", "trained_until", "weighed_until", "features")
"""What the registry shows of a model's facts; all of them are in its metadata.json."""


class Way(StrEnum):
    """How a SKU is trained; the value is the beginning of the sentence in the registry."""

    FIRST = "first model of this product"
    REFIT = "the champion's recipe on new data"
    WEIGH = "the champion's recipe, weighed again"
    CONTEST = "a new recipe against the champion's"


@dataclass(frozen=True, slots=True)
class Task:
    """Everything one training needs; it travels to a worker process.

    Attributes:
        panel: of this SKU alone.
        champion: the present champion; None where there is none.
        trials: tuning trials; 0 means no tuning.
    """

    sku: str
    way: Way
    panel: Panel
    calendar: HolidayCalendar
    champion: "Model | None"
    trials: int
    seed: int
    minimum_history_days: int


@dataclass(frozen=True, slots=True)
class Trained:
    """What came out of one training.

    Attributes:
        champion: the model that answers from now on.
        challenger: a new recipe's model that lost; kept in the registry for its scores.
        decision: in words.
    """

    champion: "Model"
    challenger: "Model | None"
    decision: str


def carry_out(task: Task) -> Trained:
    """Train one SKU; runs in a worker process.

    Raises:
        SkuTooShortError: the history is too short for a model.
        TrainingError: the model could not be fitted.
    """
    from pricecast_dagster.forecasting.model import refit, train
    from pricecast_dagster.forecasting.promotion import compare
    from pricecast_dagster.forecasting.tuning import TuningPlan

    tuning = TuningPlan(task.trials) if task.trials else None
    train_this = partial(train, task.panel, task.calendar, seed=task.seed, minimum_history_days=task.minimum_history_days)
    if task.champion is None:
        return Trained(train_this(tuning=tuning), None, task.way.value)
    if task.way is Way.REFIT:
        return Trained(refit(task.panel, task.calendar, task.champion, seed=task.seed), None, task.way.value)
    if task.way is Way.WEIGH:
        model = train_this(tuning=None, recipe=task.champion.recipe)
        return Trained(model, None, task.way.value)
    challenger = train_this(tuning=tuning)
    decision = compare(task.panel, task.calendar, task.champion.recipe, challenger.recipe, seed=task.seed)
    if decision.promote:
        return Trained(challenger, None, decision.reason)
    stays = train_this(tuning=None, recipe=task.champion.recipe)
    return Trained(stays, challenger, decision.reason)


@dataclass(frozen=True, slots=True)
class Order:
    """One SKU that is due for training.

    Attributes:
        reason: why, in words.
        champion: its row in the registry; None where there is none.
        optimize: whether a new recipe is to be looked for; trials: with how many tuning trials, 0 for none.
    """

    sku: str
    reason: str
    inputs: Inputs
    history_version: str
    champion: ModelVersion | None
    optimize: bool
    trials: int


@dataclass(frozen=True, slots=True)
class Training:
    """What a chunk's training gives: outcomes, and the registry rows that a commit writes.

    Attributes:
        champions: rows that become champion; their artefacts are stored already.
        challengers: rows of recipes that lost.
        models: SKU -> the model that answers, for the forecast of the same chunk.
    """

    outcomes: list[Outcome]
    champions: list[ModelVersion]
    challengers: list[ModelVersion]
    models: "dict[str, Model]"


def train(context: StageContext, orders: Sequence[Order]) -> Training:
    """Train the SKUs of a chunk in parallel and store their models; nothing refers to them before the commit."""
    tasks = [_task(context, order) for order in orders]
    results = context.compute.map(carry_out, tasks, seconds_each=_seconds(tasks))
    training = Training([], [], [], {})
    for order, task, result in zip(orders, tasks, results, strict=True):
        if isinstance(result, Failure):
            training.outcomes.append(_without_model(order, result))
        else:
            _keep(context, order, task, result.value, result.seconds, training)
    return training


def load_model(context: StageContext, sku: str, version: str) -> "Model":
    """A stored model.

    Raises:
        UnknownVersionError: it is not there.
        DamagedArtifactError: its bytes are not those that were stored.
    """
    from pricecast_dagster.forecasting.model import Model
    from pricecast_dagster.forecasting.recipe import Recipe

    bundle = context.artifacts.load(sku, version)
    kept: Mapping[str, Any] = bundle.metadata
    return Model(Recipe.from_json(kept["recipe"]), bundle.texts, dict(bundle.arrays), kept["facts"])


def panel_of(context: StageContext, sku: str, feature_version: str) -> Panel:
    """The panel of one SKU as its feature_table has it, from its first to its last observed day."""
    frame = context.frames.read(Stage.FEATURE_TABLE, sku, feature_version)
    return Panel(
        skus=(sku,),
        first_day=frame[DATE].to_numpy()[0].astype("datetime64[D]"),
        price=frame[PRICE].to_numpy()[None, :],
        quantity=frame[QUANTITY].to_numpy()[None, :],
        observed=frame[OBSERVED].to_numpy()[None, :],
    )


def _task(context: StageContext, order: Order) -> Task:
    champion = None if order.champion is None else load_model(context, order.sku, order.champion.version)
    panel = panel_of(context, order.sku, order.inputs.upstream_version)
    return Task(
        sku=order.sku,
        way=_way(order, panel, champion),
        panel=panel,
        calendar=context.calendar,
        champion=champion,
        trials=order.trials if order.optimize else 0,
        seed=versions.seed_of(_fingerprint(order, champion)),
        minimum_history_days=context.settings.minimum_history_days,
    )


def _fingerprint(order: Order, champion: "Model | None") -> str:
    recipe = None if champion is None else champion.recipe.to_json()
    trials = order.trials if order.optimize else 0
    return versions.training_fingerprint(order.inputs.upstream_version, order.inputs.code_version, recipe, trials)


def _way(order: Order, panel: Panel, champion: "Model | None") -> Way:
    if champion is None:
        return Way.FIRST
    if order.optimize:
        return Way.CONTEST
    weighed = str(champion.facts["weighed_until"])
    new_days = int((panel.days[panel.last[0]] - panel.days.dtype.type(weighed)).astype(int))
    if order.reason == "data changed" and new_days < WEIGH_AGAIN_DAYS:
        return Way.REFIT
    return Way.WEIGH


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
            metadata={"model_type": "none", "decision": failure.message},
        )
    return Outcome(
        order.sku,
        Stage.PRICE_MODEL,
        Status.FAILED,
        order.reason,
        inputs=order.inputs,
        seconds=failure.seconds,
        metadata={"traceback": failure.traceback},
        error=f"SKU {order.sku!r}: {failure.message}",
    )


def _keep(context: StageContext, order: Order, task: Task, trained: Trained, seconds: float, training: Training) -> None:
    now = _after(context.clock(), order.champion)
    champion = _store(context, order, task, trained.champion, trained.decision, now)
    training.champions.append(champion)
    training.models[order.sku] = trained.champion
    if trained.challenger is not None:
        later = now + timedelta(seconds=1)
        training.challengers.append(_store(context, order, task, trained.challenger, trained.decision, later))
    metrics = champion.metrics
    ratio = metrics.get("ratio_to_best_simple")
    passed = ratio is None or float(str(ratio)) <= 1.0
    training.outcomes.append(
        Outcome(
            order.sku,
            Stage.PRICE_MODEL,
            Status.FRESH,
            order.reason,
            data_version=champion.version,
            inputs=order.inputs,
            seconds=seconds,
            metadata={
                "model_type": champion.model_type,
                "decision": trained.decision,
                "way": task.way.name.lower(),
                "trials": task.trials,
                "training_samples": champion.training_samples,
                "validation_samples": champion.validation_samples,
                "features_count": champion.features_count,
                **metrics,
            },
            checks=(
                Check(
                    "beats_naive",
                    passed,
                    "no held-out origins yet"
                    if ratio is None
                    else f"error {float(str(ratio)):.3f} of the best simple method's on held-out days of past origins"
                    + ("" if passed else "; nothing in its past supports a better forecast than a simple one"),
                    blocking=False,
                ),
            ),
        )
    )


def _after(now: datetime, champion: ModelVersion | None) -> datetime:
    """A time whose version name is later than the champion's: versions are named by the second."""
    now = now.replace(microsecond=0)
    if champion is None or version_name(now) > champion.version:
        return now
    return datetime.strptime(champion.version, VERSION_FORMAT).replace(tzinfo=UTC) + timedelta(seconds=2)


def _store(context: StageContext, order: Order, task: Task, model: "Model", decision: str, now: datetime) -> ModelVersion:
    facts = model.facts
    version = version_name(now)
    fingerprint = _fingerprint(order, task.champion)
    metadata: dict[str, object] = {
        "sku": order.sku,
        "version": version,
        "recipe": model.recipe.to_json(),
        "facts": facts,
        "fingerprint": fingerprint,
        "seed": task.seed,
        "way": task.way.name.lower(),
        "trials": task.trials,
        "feature_version": order.inputs.upstream_version,
        "history_version": order.history_version,
        "code_version": order.inputs.code_version,
        "trained_at": now.isoformat(),
    }
    saved = context.artifacts.save(order.sku, version, model.texts, model.arrays, metadata)
    return ModelVersion(
        sku=order.sku,
        version=version,
        model_type=MODEL_NAME,
        recipe=model.recipe.to_json(),
        metrics=facts["metrics"],
        facts={name: facts[name] for name in REGISTRY_FACTS if name in facts},
        reason=order.reason,
        decision=decision,
        fingerprint=fingerprint,
        feature_version=order.inputs.upstream_version,
        history_version=order.history_version,
        trained_at=now,
        training_samples=int(facts["training_samples"]),
        validation_samples=int(facts["validation_samples"]),
        features_count=int(facts["features_count"]),
        artifact=saved.path,
        sha256=saved.sha256,
    )
