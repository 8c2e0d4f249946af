"""Retraining: requests of the policy, and how many of them a day's budget lets through.

Belongs here: from what is due to requests that wait, releasing them worst first, taking them back, asking by hand. Not here:
what is due (`forecasting.policy`), carrying a request out (`stages.training`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pricecast_dagster.errors import UnknownVersionError
from pricecast_dagster.forecasting.policy import TELLS, WITHOUT_PAUSE, Due, within_budget
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.stages.training import SECONDS_A_TRAINING, SECONDS_A_TRIAL
from pricecast_dagster.storage import products, requests, trials
from pricecast_dagster.storage.requests import Asked, RequestStatus, RetrainRequest
from pricecast_dagster.storage.trials import Trial, TrialStatus

ROLLED_BACK_PAUSE: Final = 3
"""A product whose new recipe was rolled back is left alone for so many pauses: it must not go to and fro."""

LISTED: Final = 200
BY_HAND: Final = "by hand"


@dataclass(frozen=True, slots=True)
class Budget:
    """What retrain requests may cost on a day, and what is left of it.

    Attributes:
        trials, minutes: of the whole day; trials_left, minutes_left: not yet given out.
    """

    trials: int
    minutes: float
    trials_left: int
    minutes_left: float


def may_ask(
    context: StageContext, due: Mapping[str, Due], asked: Mapping[str, RetrainRequest], ended: Sequence[Trial]
) -> list[Asked]:
    """What the policy asks for: of products that are due those that were not asked for lately.

    Args:
        due: SKU -> what its rules say.
        asked: SKU -> what was asked for last. One that waits still may be told anew; a person's cancellation holds for the pause.
        ended: trials that ended lately.
    """
    now = context.clock()
    pause = timedelta(days=context.settings.retrain_pause_days)
    resting = {
        trial.sku
        for trial in ended
        if trial.status is TrialStatus.ROLLED_BACK and trial.ended_at and now - trial.ended_at < pause * ROLLED_BACK_PAUSE
    }
    wanted = []
    for sku, one in due.items():
        last = asked.get(sku)
        recently = last is not None and last.status is not RequestStatus.WAITING and now - last.created_at < pause
        cancelled = last is not None and last.status is RequestStatus.CANCELLED
        if (recently or sku in resting) and (cancelled or one.rule not in WITHOUT_PAUSE):
            continue
        evidence = {**one.evidence, "told": tell(one)}
        wanted.append(Asked(sku, one.rule.value, evidence, round(one.severity, 4), optimize=one.contest))
    return wanted


def tell(due: Due) -> str:
    """Why a product is due, in words: the rule furthest over its limit."""
    figures = due.evidence.get(due.rule.value)
    assert isinstance(figures, dict)
    return f"{TELLS[due.rule]}: {figures['value']:.4g}, limit {figures['limit']:.4g}"


def budget(context: StageContext) -> Budget:
    """Today's budget (UTC)."""
    settings = context.settings
    with context.database.read() as connection:
        spent = requests.released_since(connection, _midnight(context.clock()))
    spent_trials = sum(_trials(context, request) for request in spent)
    minutes = sum(_minutes(context, request) for request in spent)
    return Budget(
        settings.retrain_trials_a_day,
        settings.retrain_minutes_a_day,
        max(settings.retrain_trials_a_day - spent_trials, 0),
        max(settings.retrain_minutes_a_day - minutes, 0.0),
    )


def release(context: StageContext) -> list[RetrainRequest]:
    """Let through what today's budget pays for, worst first; from then on those products are out of date.

    Returns:
        What came through.
    """
    left = budget(context)
    with context.database.read() as connection:
        waiting = requests.waiting(connection)
    severities = [request.severity for request in waiting]
    paid = within_budget(severities, [float(_trials(context, request)) for request in waiting], float(left.trials_left))
    timely = within_budget(
        [severities[position] for position in paid],
        [_minutes(context, waiting[position]) for position in paid],
        left.minutes_left,
    )
    chosen = [waiting[paid[position]] for position in timely]
    if not chosen:
        return []
    with context.database.write() as connection:
        released = set(requests.release(connection, [request.id for request in chosen], context.clock()))
    return [request for request in chosen if request.sku in released]


def waiting(context: StageContext, limit: int | None = None) -> list[RetrainRequest]:
    """What waits for the budget, worst first."""
    with context.database.read() as connection:
        return requests.waiting(connection, limit)


def pending(context: StageContext) -> list[RetrainRequest]:
    """What waits, worst first, and what is let through and not answered yet."""
    with context.database.read() as connection:
        return requests.waiting(connection) + requests.listed(connection, status=RequestStatus.OPEN)


def listed(context: StageContext, limit: int = LISTED) -> list[RetrainRequest]:
    """The last requests, whatever became of them, newest first."""
    with context.database.read() as connection:
        return requests.listed(connection, limit=limit)


def trials_listed(context: StageContext, limit: int = LISTED) -> list[Trial]:
    """The last trials, whatever became of them, newest first."""
    with context.database.read() as connection:
        return trials.listed(connection, limit=limit)


def ask_by_hand(context: StageContext, sku: str, *, optimize: bool = True, trials: int | None = None) -> RetrainRequest:
    """A person asks for a product to be trained again; that waits for no budget.

    Raises:
        UnknownSkuError: there is no such product.
    """
    with context.database.write() as connection:
        products.get(connection, sku)
        return requests.create(connection, sku, BY_HAND, context.clock(), optimize=optimize, trials=trials)


def cancel(context: StageContext, request_id: int) -> None:
    """Take a request back that waits or is open; no rule asks again for that product until the pause is over.

    Raises:
        UnknownVersionError: there is none of that number that could be taken back.
    """
    with context.database.write() as connection:
        if not requests.cancel(connection, request_id):
            raise UnknownVersionError(
                f"There is no retrain request {request_id} that waits or is open.",
                remedy="`pricecast monitor requests` lists those there are.",
            )


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _trials(context: StageContext, request: RetrainRequest) -> int:
    return (request.trials or context.settings.trials) if request.optimize else 0


def _minutes(context: StageContext, request: RetrainRequest) -> float:
    return (SECONDS_A_TRAINING + SECONDS_A_TRIAL * _trials(context, request)) / 60
