"""Trials: a model whose forecasts are stored beside the champion's, to be compared on what really happens.

Belongs here: the tables trial and shadow_day. Not here: making shadow forecasts (`stages.shadow`), judging them
(`forecasting.sequential`), and acting on the judgement (`operations.trials`).

The shadow is a challenger that is not served yet, or the predecessor of a newly promoted champion. A product has one open trial
at most.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from pricecast_dagster.storage.database import in_parts, insert_or_update
from pricecast_dagster.storage.tables import shadow_day, trial


class Role(StrEnum):
    """What the shadow is."""

    CHALLENGER = "challenger"
    PREDECESSOR = "predecessor"


class TrialStatus(StrEnum):
    """What became of a trial."""

    OPEN = "open"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"
    KEPT = "kept"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial.

    Attributes:
        version: of the shadow; rival: the champion when the trial began.
        decision: why it began, and once it is over why it ended so.
        evidence: the figures the decision rests on.
        began_on: the last known day when it began; ends_on: the last day that is compared.
    """

    sku: str
    role: Role
    version: str
    rival: str
    decision: str
    began_on: date
    ends_on: date
    started_at: datetime
    status: TrialStatus = TrialStatus.OPEN
    evidence: Mapping[str, object] = field(default_factory=dict)
    ended_at: datetime | None = None
    id: int = 0


@dataclass(frozen=True, slots=True)
class ShadowForecast:
    """A shadow's forecast; its series have one element a day, the first for the day after the origin."""

    trial_id: int
    origin: date
    dates: tuple[date, ...]
    price: tuple[float, ...]
    lower_80: tuple[float, ...]
    upper_80: tuple[float, ...]
    lower_95: tuple[float, ...]
    upper_95: tuple[float, ...]


def begin(connection: Connection, trials: Sequence[Trial]) -> None:
    """Begin trials; an open one of the same SKU is cancelled: the champion it compared with is no more."""
    if not trials:
        return
    for part in in_parts(sorted({one.sku for one in trials})):
        connection.execute(
            update(trial)
            .where(trial.c.sku.in_(part), trial.c.status == TrialStatus.OPEN.value)
            .values(status=TrialStatus.CANCELLED.value, ended_at=trials[0].started_at, decision="another trial began")
        )
    rows = [
        {name: getattr(one, name) for name in Trial.__slots__ if name != "id"}
        | {"role": one.role.value, "status": one.status.value}
        for one in trials
    ]
    connection.execute(insert(trial), rows)


def end(
    connection: Connection, trial_id: int, status: TrialStatus, decision: str, evidence: Mapping[str, object], now: datetime
) -> bool:
    """End an open trial; returns whether it was open."""
    done = connection.execute(
        update(trial)
        .where(trial.c.id == trial_id, trial.c.status == TrialStatus.OPEN.value)
        .values(status=status.value, decision=decision, evidence=dict(evidence), ended_at=now)
    )
    return done.rowcount > 0


def cancel_all(connection: Connection, sku: str, why: str, now: datetime) -> None:
    """End the open trial of a product whose models a person has moved."""
    connection.execute(
        update(trial)
        .where(trial.c.sku == sku, trial.c.status == TrialStatus.OPEN.value)
        .values(status=TrialStatus.CANCELLED.value, decision=why, ended_at=now)
    )


def open_trials(connection: Connection, skus: Iterable[str] | None = None) -> dict[str, Trial]:
    """SKU -> its open trial, of some SKUs or of all."""
    query = select(trial).where(trial.c.status == TrialStatus.OPEN.value).order_by(trial.c.sku)
    parts: Iterable[Sequence[str] | None] = [None] if skus is None else in_parts(sorted(set(skus)))
    found: dict[str, Trial] = {}
    for part in parts:
        chosen = query if part is None else query.where(trial.c.sku.in_(part))
        found.update((row.sku, _trial(row)) for row in connection.execute(chosen))
    return found


def listed(connection: Connection, *, sku: str | None = None, limit: int | None = None) -> list[Trial]:
    """Trials, newest first, of one product or of all."""
    query = select(trial).order_by(trial.c.id.desc()).limit(limit)
    if sku is not None:
        query = query.where(trial.c.sku == sku)
    return [_trial(row) for row in connection.execute(query)]


def ended_since(connection: Connection, moment: datetime) -> list[Trial]:
    """Trials that were decided since a time, newest first."""
    query = select(trial).where(trial.c.ended_at >= moment).order_by(trial.c.id.desc())
    return [_trial(row) for row in connection.execute(query)]


def store_shadows(connection: Connection, shadows: Sequence[ShadowForecast]) -> None:
    """Store shadow forecasts; one of the same trial and origin takes the place of the one before."""
    series = ("price", "lower_80", "upper_80", "lower_95", "upper_95")
    rows = [
        {"trial_id": shadow.trial_id, "origin": shadow.origin, "horizon": position + 1, "date": day}
        | {name: float(getattr(shadow, name)[position]) for name in series}
        for shadow in shadows
        for position, day in enumerate(shadow.dates)
    ]
    insert_or_update(connection, shadow_day, rows)


def shadow_days(connection: Connection, trial_id: int) -> list[tuple[date, int, date, float]]:
    """Origin, horizon, day and price of every shadow forecast of a trial, in that order."""
    query = (
        select(shadow_day.c.origin, shadow_day.c.horizon, shadow_day.c.date, shadow_day.c.price)
        .where(shadow_day.c.trial_id == trial_id)
        .order_by(shadow_day.c.origin, shadow_day.c.horizon)
    )
    return [(row.origin, row.horizon, row.date, row.price) for row in connection.execute(query)]


def prune(connection: Connection, before: datetime) -> int:
    """Forget trials that ended before a time, with their shadow forecasts; returns how many."""
    old = select(trial.c.id).where(trial.c.ended_at < before)
    connection.execute(delete(shadow_day).where(shadow_day.c.trial_id.in_(old)))
    return connection.execute(delete(trial).where(trial.c.ended_at < before)).rowcount


def _trial(row: Row[Any]) -> Trial:
    return Trial(**{**row._mapping, "role": Role(row.role), "status": TrialStatus(row.status)})
