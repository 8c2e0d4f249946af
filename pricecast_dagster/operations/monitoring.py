"""Monitoring: one pass over the portfolio, from the prices that have come to what should be trained again, and why.

Belongs here: the order of a pass and its report. Not here: each step (`operations.scoring`, `drifting`, `trials`,
`retraining`), the portfolio as a whole (`operations.mix`), showing it (`cli`, `api`, `orchestration`).

A pass reads stored rows, forecasts and registry; it trains nothing and reads no source. A second pass on the same rows gives the
same results again and takes the place of the first.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.errors import NoUsableHistoryError
from pricecast_dagster.forecasting.policy import Due, Rule, judge
from pricecast_dagster.operations import mix, retraining, scoring, trials
from pricecast_dagster.operations.drifting import Measured, findings, measure
from pricecast_dagster.operations.trials import Verdict
from pricecast_dagster.schemas import Stage
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.storage import (
    monitor_passes,
    monitor_results,
    products,
    registry,
    requests,
    served_scores,
    states,
)
from pricecast_dagster.storage import trials as stored_trials
from pricecast_dagster.storage.monitor_passes import MonitorPass
from pricecast_dagster.storage.monitor_results import MonitorResult
from pricecast_dagster.storage.registry import ModelVersion
from pricecast_dagster.storage.requests import RetrainRequest
from pricecast_dagster.storage.staleness import CODE_CHANGED, DATA_CHANGED, SETTINGS_CHANGED
from pricecast_dagster.storage.state_records import StageState
from pricecast_dagster.storage.trials import TrialStatus

if TYPE_CHECKING:
    import pandas as pd

CHUNK: Final = 500
"""Products measured together: 34 features of 400 days of so many are 55 MB."""

CARRIED_ON: Final = (DATA_CHANGED, CODE_CHANGED, SETTINGS_CHANGED)
"""Why a version was made that only carries a recipe on."""

Advance = Callable[[int, int], None]


@dataclass(frozen=True)
class Pass:
    """What a pass found.

    Attributes:
        record: as it is stored: day, counts, the portfolio as a whole.
        news: findings that began or are over with this pass; findings: all that is not well now.
        due: SKU -> which rules it is over; asked: SKUs that did not wait for training before.
        released: requests that came through the budget in this pass.
        verdicts: of every open trial.
    """

    record: MonitorPass
    news: Sequence[MonitorResult]
    findings: Sequence[MonitorResult]
    due: Mapping[str, Due]
    asked: Sequence[str]
    released: Sequence[RetrainRequest]
    verdicts: Sequence[Verdict]


@dataclass(frozen=True)
class _Portfolio:
    """What a pass knows of the products before it looks at rows."""

    states: Mapping[str, StageState]
    champions: Mapping[str, ModelVersion]
    studied: Mapping[str, ModelVersion]
    last_day: date


def monitor(context: StageContext, advance: Advance = lambda done, total: None, *, release: bool = True) -> Pass:
    """Score, look for drift, judge trials, ask for retraining and let through what the budget pays for.

    Args:
        advance: told how many products are done, of how many.
        release: whether requests come through the budget now; otherwise they wait for the next pass or sensor.

    Raises:
        NoUsableHistoryError: there is no product with rows.
    """
    started = context.clock()
    portfolio = _look(context)
    skus = sorted(portfolio.states)
    measured: list[Measured] = []
    verdicts: list[Verdict] = []
    for start in range(0, len(skus), CHUNK):
        part = skus[start : start + CHUNK]
        histories = _histories(context, portfolio, part)
        measured.append(_measure(context, portfolio, histories))
        verdicts += trials.judge_all(context, histories)
        advance(min(start + CHUNK, len(skus)), len(skus))
    whole = Measured.joined(measured)
    due = _due(context, portfolio, whole, verdicts)
    news, asked = _store(context, portfolio, whole, verdicts, due)
    released = retraining.release(context) if release else []
    with context.database.read() as connection:
        found = monitor_results.found(connection)
    counts = _counts(context, whole, found, due, asked, released, verdicts)
    record = MonitorPass(
        portfolio.last_day,
        started,
        context.clock(),
        counts,
        mix.portfolio(context, portfolio.last_day, whole.mix),
        context.run_id,
    )
    with context.database.write() as connection:
        monitor_passes.record(connection, record)
    return Pass(record, news, found, due, asked, released, verdicts)


def is_due(context: StageContext) -> str | None:
    """Why a pass is due, in words: rows of a later day than the last pass saw; None where it is not."""
    with context.database.read() as connection:
        last = monitor_passes.recent(connection, 1)
        days = [_last_day(state) for state in states.read_states(connection, None, [Stage.RAW_HISTORY]).values()]
    newest = max((day for day in days if day is not None), default=None)
    if newest is None or (last and last[0].day >= newest):
        return None
    return f"rows until {newest}, the last pass saw those until {last[0].day if last else 'never'}"


def _look(context: StageContext) -> _Portfolio:
    with context.database.read() as connection:
        active = products.active_skus(connection)
        histories = states.read_states(connection, None, [Stage.RAW_HISTORY])
        champions = registry.champions(connection)
        studied = registry.studied(connection, CARRIED_ON)
    usable = {sku: state for (sku, _), state in histories.items() if sku in active and state.data_version and _last_day(state)}
    days = [day for state in usable.values() if (day := _last_day(state)) is not None]
    if not days:
        raise NoUsableHistoryError("There is no product with rows to monitor.", remedy="`pricecast refresh` takes them up.")
    return _Portfolio(usable, champions, studied, max(days))


def _last_day(state: StageState) -> date | None:
    told = state.metadata.get("last_day")
    return None if told is None or state.data_version is None else date.fromisoformat(str(told))


def _histories(context: StageContext, portfolio: _Portfolio, skus: Sequence[str]) -> "dict[str, pd.DataFrame]":
    versions = ((sku, portfolio.states[sku].data_version) for sku in skus)
    return {sku: context.frames.read(Stage.RAW_HISTORY, sku, version) for sku, version in versions if version is not None}


def _measure(context: StageContext, portfolio: _Portfolio, histories: "dict[str, pd.DataFrame]") -> Measured:
    import pandas as pd

    from pricecast_dagster.forecasting.panel import build_panel

    panel = build_panel(pd.concat(list(histories.values()), ignore_index=True), until=portfolio.last_day)
    served = scoring.served_of(context, panel)
    scores = scoring.score_chunk(context, panel, served)
    champions = {sku: portfolio.champions[sku] for sku in panel.skus if sku in portfolio.champions}
    return measure(context, panel, served, scores, champions, portfolio.studied, histories)


def _due(context: StageContext, portfolio: _Portfolio, whole: Measured, verdicts: Sequence[Verdict]) -> dict[str, Due]:
    """SKU -> which rules it is over; a product whose recipe has just been moved is judged by the next pass."""
    limits = {Rule(name): limit for name, limit in context.settings.retrain.items()}
    judged = judge(whole.signals(), limits)
    moved = {verdict.trial.sku for verdict in verdicts if verdict.status in (TrialStatus.PROMOTED, TrialStatus.ROLLED_BACK)}
    return {
        sku: due
        for sku, due in zip(whole.skus, judged, strict=True)
        if due is not None and sku in portfolio.champions and sku not in moved
    }


def _store(
    context: StageContext, portfolio: _Portfolio, whole: Measured, verdicts: Sequence[Verdict], due: Mapping[str, Due]
) -> tuple[list[MonitorResult], list[str]]:
    now = context.clock()
    limits = context.settings.retrain
    results = findings(whole, limits, portfolio.last_day, now)
    results += [
        MonitorResult(one.trial.sku, "trial", one.told, one.evidence, now, portfolio.last_day)
        for one in verdicts
        if one.status is not TrialStatus.OPEN
    ]
    since = now - timedelta(days=context.settings.retrain_pause_days * retraining.ROLLED_BACK_PAUSE)
    with context.database.write() as connection:
        asked = requests.last_asked(connection)
        ended = stored_trials.ended_since(connection, since)
        held = products.held(connection, list(due))
        wanted = retraining.may_ask(context, {sku: one for sku, one in due.items() if sku not in held}, asked, ended)
        news = monitor_results.record_news(connection, results)
        new = requests.ask(connection, wanted, now)
        keep = timedelta(days=context.settings.keep_monitor_days)
        monitor_results.prune(connection, now - keep)
        served_scores.prune(connection, portfolio.last_day - keep)
        stored_trials.prune(connection, now - keep)
    return news, new


def _counts(
    context: StageContext,
    whole: Measured,
    found: Sequence[MonitorResult],
    due: Mapping[str, Due],
    asked: Sequence[str],
    released: Sequence[RetrainRequest],
    verdicts: Sequence[Verdict],
) -> dict[str, int]:
    ended = Counter(verdict.status for verdict in verdicts)
    scored: NDArray[np.bool_] = np.isfinite(whole.served_mae)
    return {
        "products": len(whole.skus),
        "scored": int(scored.sum()),
        **{f"found_{kind}": number for kind, number in sorted(Counter(result.kind for result in found).items())},
        "due": len(due),
        "asked": len(asked),
        "released": len(released),
        "waiting": len(retraining.waiting(context)),
        "trials_open": ended[TrialStatus.OPEN],
        "promoted": ended[TrialStatus.PROMOTED],
        "rolled_back": ended[TrialStatus.ROLLED_BACK],
    }
