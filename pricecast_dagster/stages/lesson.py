"""A lesson: one training, from everything it needs to the model that comes out; what a worker process does.

Belongs here: the task that travels to a worker, and carrying it out. Not here: who is due and why (`stages.training`), fitting
(`forecasting.model`), and the rule of a contest (`forecasting.promotion`).
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.stages.weights import remember

if TYPE_CHECKING:
    from pricecast_dagster.forecasting.model import Model
    from pricecast_dagster.forecasting.pooled import Pooled


class Way(StrEnum):
    """How a SKU is trained; the value is the beginning of the sentence in the registry."""

    FIRST = "first model of this product"
    AFRESH = "a new model, from the default recipe: no earlier one answers"
    REFIT = "the champion's recipe on new data"
    WEIGH = "the champion's recipe, weighed again"
    MAKE_AGAIN = "the champion's recipe, made again: its files could not be read"
    CONTEST = "a new recipe against the champion's"


@dataclass(frozen=True, slots=True)
class Task:
    """Everything one training needs; it travels to a worker process.

    Attributes:
        panel: of this SKU alone.
        champion: the present champion; None where there is none.
        trials: tuning trials; 0 means no tuning.
        on_trial: whether a better recipe is compared unserved for a while before it answers.
        members: additional ones, by name.
        pooled: what all products together have taught; None where no member asks for it, or there is none.
    """

    sku: str
    way: Way
    panel: Panel
    calendar: HolidayCalendar
    champion: "Model | None"
    trials: int
    seed: int
    minimum_history_days: int
    on_trial: bool = False
    members: tuple[str, ...] = ()
    pooled: "Pooled | None" = None


@dataclass(frozen=True, slots=True)
class Trained:
    """What came out of one training.

    Attributes:
        champion: the model that answers from now on.
        challenger: a new recipe's model that lost, or is on trial; kept in the registry for its scores.
        decision: in words.
        promoted: whether a new recipe took the place of the champion's; on_trial: whether it is the challenger's turn to show.
    """

    champion: "Model"
    challenger: "Model | None"
    decision: str
    promoted: bool = False
    on_trial: bool = False


def carry_out(task: Task) -> Trained:
    """Train one SKU; runs in a worker process.

    Raises:
        SkuTooShortError: the history is too short for a model.
        TrainingError: the model could not be fitted.
    """
    trained = _trained(task)
    if task.champion is None:
        return trained
    challenger = None if trained.challenger is None else remember(trained.challenger, task.panel, task.champion)
    return replace(trained, champion=remember(trained.champion, task.panel, task.champion), challenger=challenger)


def _trained(task: Task) -> Trained:
    from pricecast_dagster.forecasting.model import refit, train
    from pricecast_dagster.forecasting.promotion import compare
    from pricecast_dagster.forecasting.recipe import default_recipe
    from pricecast_dagster.forecasting.tuning import TuningPlan

    tuning = TuningPlan(task.trials) if task.trials else None
    train_this = partial(
        train,
        task.panel,
        task.calendar,
        seed=task.seed,
        minimum_history_days=task.minimum_history_days,
        pooled=task.pooled,
    )
    new = default_recipe().with_members(task.members)
    if task.champion is None:
        return Trained(train_this(tuning=tuning, recipe=new), None, task.way.value)
    if task.way is Way.REFIT:
        model = refit(
            task.panel,
            task.calendar,
            task.champion,
            seed=task.seed,
            minimum_history_days=task.minimum_history_days,
            pooled=task.pooled,
        )
        return Trained(model, None, task.way.value)
    if task.way in (Way.WEIGH, Way.MAKE_AGAIN):
        # Additional members have to earn their weight anyway: they come and go with the setting, without a contest.
        model = train_this(tuning=None, recipe=task.champion.recipe.with_members(task.members))
        return Trained(model, None, task.way.value)
    challenger = train_this(tuning=tuning, recipe=new)
    recipes = task.champion.recipe, challenger.recipe
    decision = compare(task.panel, task.calendar, *recipes, seed=task.seed, pooled=task.pooled)
    if decision.promote and not task.on_trial:
        return Trained(challenger, None, decision.reason, promoted=True)
    stays = train_this(tuning=None, recipe=task.champion.recipe)
    told = f"on trial, unserved: {decision.reason}" if decision.promote else decision.reason
    return Trained(stays, challenger, told, on_trial=decision.promote)
