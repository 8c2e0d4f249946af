"""Trials: what became of models that are compared with the champion on what really happens.

Belongs here: judging open trials by the forecasts of both, and moving the champion where that is proven. Not here: making shadow
forecasts (`stages.shadow`), the test (`forecasting.sequential`).

A predecessor takes its place back when the champion is worse beyond chance; it gets no trial of its own then, so nothing goes
to and fro. A challenger is promoted when it is better beyond chance, or at the end of its time when it was at least as good.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.errors import UnknownVersionError
from pricecast_dagster.forecasting.sequential import Evidence, compare
from pricecast_dagster.schemas import DATE, PRICE, Stage
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.storage import forecasts, registry, states, trials
from pricecast_dagster.storage.forecasts import StoredForecast
from pricecast_dagster.storage.trials import Role, Trial, TrialStatus

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a trial has come to.

    Attributes:
        status: OPEN where it goes on.
        told: in words.
    """

    trial: Trial
    status: TrialStatus
    told: str
    evidence: Mapping[str, object]


def judge_all(context: StageContext, histories: "Mapping[str, pd.DataFrame]") -> list[Verdict]:
    """Judge the open trials of these SKUs, and carry out what is decided.

    Args:
        histories: SKU -> its raw_history.

    Returns:
        Of every open trial what it has come to; the next refresh forecasts with the models that have taken over.
    """
    with context.database.read() as connection:
        running = trials.open_trials(connection, histories)
        shadows = {trial.sku: trials.shadow_days(connection, trial.id) for trial in running.values()}
        served: dict[str, list[StoredForecast]] = {}
        for trial in running.values():
            for one in forecasts.since(connection, trial.began_on, [trial.sku]):
                served.setdefault(trial.sku, []).append(one)
    verdicts = []
    for sku, trial in running.items():
        frame = histories[sku]
        actual = dict(zip(frame[DATE].dt.date, frame[PRICE].astype(float), strict=True))
        champion, shadow = errors_of_both(served.get(sku, []), shadows[sku], actual, trial.ends_on)
        verdict = judge(trial, champion, shadow, max(actual))
        verdicts.append(verdict if _carried_out(context, verdict) else _overtaken(verdict))
    return verdicts


def errors_of_both(
    served: Sequence[StoredForecast],
    shadows: Sequence[tuple[date, int, date, float]],
    actual: Mapping[date, float],
    until: date,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(days, h) errors of the champion's and the shadow's forecasts of each day, by days ahead; NaN where there is none.

    Args:
        served: the champion's, by time; of several from one origin the last counts.
        shadows: origin, days ahead, day and price of the shadow's.
        actual: day -> price, of observed days.
        until: the last day that is compared.
    """
    horizon_days = max((one.horizon_days for one in served), default=0)
    horizon_days = max([horizon_days, *(ahead for _, ahead, _, _ in shadows)])
    days = sorted({day for _, _, day, _ in shadows if day in actual and day <= until})
    position = {day: index for index, day in enumerate(days)}
    champion = np.full((len(days), horizon_days), np.nan)
    shadow = champion.copy()
    for one in served:
        for ahead, price in enumerate(one.price):
            day = one.origin + timedelta(days=ahead + 1)
            if day in position:
                champion[position[day], ahead] = price - actual[day]
    for _, ahead, day, price in shadows:
        if day in position:
            shadow[position[day], ahead - 1] = price - actual[day]
    return champion, shadow


def judge(trial: Trial, champion: NDArray[np.float64], shadow: NDArray[np.float64], last_day: date) -> Verdict:
    """What a trial has come to on its last known day.

    Args:
        trial: an open one.
        champion: (days, h) errors of what was served; shadow: of what was not.
        last_day: of the rows.
    """
    against = compare(champion, shadow)
    facts = {"capital": round(against.capital, 3), "days": against.days, "worse_share": round(against.worse, 3)}
    facts["ratio"] = round(against.ratio, 4) if np.isfinite(against.ratio) else None  # type: ignore[assignment]
    over = last_day >= trial.ends_on
    if trial.role is Role.PREDECESSOR:
        if against.proves():
            told = f"rolled back to {trial.version}: {_told('the champion', 'its predecessor', against)}"
            return Verdict(trial, TrialStatus.ROLLED_BACK, told, facts)
        status = TrialStatus.KEPT if over else TrialStatus.OPEN
        return Verdict(trial, status, f"champion stays: {_told('it', 'its predecessor', against)}", facts)
    if against.proves() or (over and against.days and against.ratio >= 1):
        told = f"promoted after its trial: {_told('the champion', 'it', against)}"
        return Verdict(trial, TrialStatus.PROMOTED, told, facts)
    lost = compare(shadow, champion).proves()
    status = TrialStatus.KEPT if over or lost else TrialStatus.OPEN
    return Verdict(trial, status, f"champion stays: {_told('it', 'the challenger', against)}", facts)


def _told(first: str, second: str, against: Evidence) -> str:
    if not against.days:
        return "no day with a price yet on which both could be compared"
    times = f"{against.ratio:.3g} times" if np.isfinite(against.ratio) else "above"
    return (
        f"squared error of {first} {times} that of {second} on {against.days} days of service, worse on "
        f"{against.worse:.0%} of them (evidence {against.capital:.3g} to 1)"
    )


def _carried_out(context: StageContext, verdict: Verdict) -> bool:
    """Whether the decision could be stored; not where somebody else has moved the champion meanwhile."""
    if verdict.status is TrialStatus.OPEN:
        return True
    trial, now = verdict.trial, context.clock()
    with context.database.write() as connection:
        states.lock(connection, [trial.sku])
        if not trials.end(connection, trial.id, verdict.status, verdict.told, verdict.evidence, now):
            return False
        if verdict.status is TrialStatus.KEPT:
            return True
        try:
            chosen = registry.promote(connection, trial.sku, trial.version, now, decision=verdict.told)
        except UnknownVersionError:
            return False
        states.set_version(connection, trial.sku, Stage.PRICE_MODEL, chosen.version, verdict.told, now)
    return True


def _overtaken(verdict: Verdict) -> Verdict:
    told = "the models were moved by somebody else meanwhile"
    return Verdict(verdict.trial, TrialStatus.CANCELLED, told, verdict.evidence)
