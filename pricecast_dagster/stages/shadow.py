"""Shadows: forecasts of models on trial, made beside the champion's from the same rows and not served.

Belongs here: when a trial begins, and the shadow's forecast of a chunk's SKUs. Not here: judging trials (`operations.trials`).

A shadow is carried on exactly as a champion is: refitted with new rows, weighed again when that is due. What is kept of it are
its forecasts; the model that would take over is the stored version.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from pricecast_dagster.compute.protocol import Failure
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.schemas import Stage
from pricecast_dagster.stages import versions
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.shared import codes_in_force, pooled_of
from pricecast_dagster.stages.stored import model_if_readable
from pricecast_dagster.stages.weights import weigh_again
from pricecast_dagster.storage.registry import ModelVersion
from pricecast_dagster.storage.trials import Role, ShadowForecast, Trial

if TYPE_CHECKING:
    from pricecast_dagster.forecasting.forecasts import Forecasts
    from pricecast_dagster.forecasting.model import Model
    from pricecast_dagster.forecasting.pooled import Pooled
    from pricecast_dagster.stages.lesson import Trained

SECONDS_A_SHADOW = 0.1


@dataclass(frozen=True, slots=True)
class Task:
    """One shadow forecast; it travels to a worker process."""

    panel: Panel
    calendar: HolidayCalendar
    model: "Model"
    seed: int
    horizon_days: int
    minimum_history_days: int
    pooled: "Pooled | None" = None


def begin_trial(
    context: StageContext,
    before: ModelVersion | None,
    champion: ModelVersion,
    challenger: ModelVersion | None,
    trained: "Trained",
) -> Trial | None:
    """The trial that a contest leads to, if any: of the winner before it is promoted, or of the predecessor after.

    Args:
        before: the champion when the contest began; champion: the one now; challenger: the other recipe's model, stored.
        trained: what the contest gave.
    """
    settings = context.settings
    shadow, days, role = None, 0, Role.CHALLENGER
    if trained.on_trial:
        shadow, days = challenger, settings.shadow_days
    elif trained.promoted:
        shadow, days, role = before, settings.probation_days, Role.PREDECESSOR
    if shadow is None or days == 0:
        return None
    began_on = date.fromisoformat(str(champion.facts["trained_until"]))
    return Trial(
        sku=champion.sku,
        role=role,
        version=shadow.version,
        rival=champion.version,
        decision=trained.decision,
        began_on=began_on,
        ends_on=began_on + timedelta(days=days),
        started_at=champion.trained_at,
    )


def forecast(context: StageContext, trials: Sequence[Trial], panels: Mapping[str, Panel]) -> list[ShadowForecast]:
    """The shadows' forecasts; one that cannot be made is left out, and its day is not compared.

    Args:
        trials: open ones; panels: SKU -> its panel, of every SKU of the trials.
    """
    models = {
        trial.id: model_if_readable(context, trial.sku, trial.version)
        for trial in trials
        if panels[trial.sku].days[-1].item() <= trial.ends_on
    }
    running = [trial for trial in trials if models.get(trial.id) is not None]
    codes = codes_in_force(context.database, context.settings, context.calendar) if running else {}
    pooled = pooled_of(context, codes[Stage.PRICE_MODEL]) if running else None
    tasks = [
        Task(
            panel=panels[trial.sku],
            calendar=context.calendar,
            model=model,
            seed=versions.seed_of(versions.digest("shadow", trial.sku, trial.version)),
            horizon_days=context.settings.horizon_days,
            minimum_history_days=context.settings.minimum_history_days,
            pooled=pooled,
        )
        for trial in running
        if (model := models[trial.id]) is not None
    ]
    results = context.compute.map(carry_out, tasks, seconds_each=SECONDS_A_SHADOW)
    return [
        _stored(trial, result.value)
        for trial, result in zip(running, results, strict=True)
        if not isinstance(result, Failure) and result.value.skus
    ]


def carry_out(task: Task) -> "Forecasts":
    """Carry a shadow on to the present and forecast; runs in a worker process.

    Raises:
        TrainingError: a member cannot be fitted.
    """
    from pricecast_dagster.forecasting.model import forecast, refit, train

    if weigh_again(task.panel, task.model):
        model = train(
            task.panel,
            task.calendar,
            tuning=None,
            recipe=task.model.recipe,
            seed=task.seed,
            minimum_history_days=task.minimum_history_days,
            pooled=task.pooled,
        )
    else:
        minimum = task.minimum_history_days
        model = refit(task.panel, task.calendar, task.model, seed=task.seed, minimum_history_days=minimum, pooled=task.pooled)
    return forecast([model], task.panel, task.calendar, task.horizon_days)


def _stored(trial: Trial, done: "Forecasts") -> ShadowForecast:
    origin: date = done.origins[0].astype("datetime64[D]").item()
    return ShadowForecast(
        trial_id=trial.id,
        origin=origin,
        dates=tuple(origin + timedelta(days=step) for step in range(1, done.price.shape[1] + 1)),
        price=tuple(map(float, done.price[0])),
        lower_80=tuple(map(float, done.lower_80[0])),
        upper_80=tuple(map(float, done.upper_80[0])),
        lower_95=tuple(map(float, done.lower_95[0])),
        upper_95=tuple(map(float, done.upper_95[0])),
    )
