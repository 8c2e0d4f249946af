"""Oversight: what the monitor and the alerts have on record, for those who look: page, report, API.

Belongs here: reading it in one go, of the portfolio and of one product. Not here: measuring (`operations.monitoring`), telling
(`operations.alerting`), showing (`api`, `operations.report`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pricecast_dagster.operations.findings import TRIAL
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.storage import alerts, letters, monitor_passes, monitor_results, products, requests, served_scores, trials
from pricecast_dagster.storage.alerts import Alert, Severity
from pricecast_dagster.storage.letters import DeliveryStatus
from pricecast_dagster.storage.monitor_passes import MonitorPass
from pricecast_dagster.storage.monitor_results import GOOD, MonitorResult
from pricecast_dagster.storage.requests import RequestStatus, RetrainRequest
from pricecast_dagster.storage.served_scores import ServedScore
from pricecast_dagster.storage.trials import Trial

DECIDED_DAYS: Final = 7
PASSES: Final = 60
LISTED: Final = 100
"""Findings, products and requests that are listed; the others are counted."""

JUDGED_WINDOW: Final = 28


@dataclass(frozen=True, slots=True)
class Oversight:
    """The portfolio in service.

    Attributes:
        passes: the last ones, newest first; empty before the first.
        findings: what is not well now, at most LISTED; finding_count: all of them; drifting: how many products they concern.
        worst: products whose served forecasts were furthest behind the last price over 28 days, at most LISTED.
        requests: what waits for the budget, worst first, then what is being carried out; request_counts: status -> how many.
        open_trials: models on trial; decided: trials that ended within a week.
        alerts: present ones, the gravest first, at most LISTED; alert_counts: of all of them, by severity.
        letters: messages to receivers by what became of them.
    """

    passes: Sequence[MonitorPass]
    findings: Sequence[MonitorResult]
    finding_count: int
    drifting: int
    worst: Sequence[ServedScore]
    requests: Sequence[RetrainRequest]
    request_counts: Mapping[RequestStatus, int]
    open_trials: int
    decided: Sequence[Trial]
    alerts: Sequence[Alert]
    alert_counts: Mapping[Severity, int]
    letters: Mapping[DeliveryStatus, int]


@dataclass(frozen=True, slots=True)
class ProductOversight:
    """One product in service.

    Attributes:
        scores: the newest, of every window (7, 28, 90 days) and number of days ahead, 0 (all of them) first.
        curve: scores of 28 days over time, oldest first.
        findings: what is not well now; past: earlier findings, newest first.
        requests, trials: newest first; alerts: present ones.
    """

    scores: Sequence[ServedScore]
    curve: Sequence[ServedScore]
    findings: Sequence[MonitorResult]
    past: Sequence[MonitorResult]
    requests: Sequence[RetrainRequest]
    trials: Sequence[Trial]
    alerts: Sequence[Alert]


def of_portfolio(context: StageContext) -> Oversight:
    """Everything about the portfolio, in one snapshot."""
    since = context.clock() - timedelta(days=DECIDED_DAYS)
    with context.database.read() as connection:
        found = [one for one in monitor_results.found(connection) if one.kind != TRIAL]
        scores = served_scores.latest(connection, window_days=JUDGED_WINDOW)
        waiting = requests.waiting(connection)
        opened = requests.listed(connection, status=RequestStatus.OPEN)
        present = alerts.present(connection)
        return Oversight(
            passes=monitor_passes.recent(connection, PASSES),
            findings=found[:LISTED],
            finding_count=len(found),
            drifting=len({one.sku for one in found}),
            worst=_worst(scores.values()),
            requests=[*waiting, *opened][:LISTED],
            request_counts={RequestStatus.WAITING: len(waiting), RequestStatus.OPEN: len(opened)},
            open_trials=len(trials.open_trials(connection)),
            decided=trials.ended_since(connection, since)[:LISTED],
            alerts=present[:LISTED],
            alert_counts=alerts.counts(connection),
            letters=letters.counts(connection),
        )


def _worst(scores: Iterable[ServedScore]) -> list[ServedScore]:
    judged = [one for one in scores if one.scaled is not None and one.scaled > 1 and not one.small]
    return sorted(judged, key=lambda one: (-(one.scaled or 0.0), one.sku))[:LISTED]


def of_product(context: StageContext, sku: str, *, limit: int = 50) -> ProductOversight:
    """Everything about one product, in one snapshot.

    Raises:
        UnknownSkuError: there is no such product.
    """
    with context.database.read() as connection:
        products.get(connection, sku)
        results = monitor_results.of_sku(connection, sku, limit=limit)
        latest = {kind: one for (_, kind), one in monitor_results.latest(connection, [sku]).items()}
        now = [one for kind, one in sorted(latest.items()) if one.verdict != GOOD and kind != TRIAL]
        return ProductOversight(
            scores=served_scores.of_sku(connection, sku),
            curve=served_scores.curve(connection, sku),
            findings=now,
            past=[one for one in results if one not in now],
            requests=requests.listed(connection, sku=sku, limit=limit),
            trials=trials.listed(connection, sku=sku, limit=limit),
            alerts=alerts.present(connection, sku=sku),
        )


def served(done: MonitorPass, window_days: int = JUDGED_WINDOW) -> Mapping[str, float | None]:
    """The served accuracy of the whole portfolio in one pass; empty where nothing could be scored.

    `mae_over_last_price` (under 1 is better than the last price), `coverage_80`, `coverage_95` (0 to 1), `products`, and more.
    """
    told = done.portfolio.get("served")
    found = told.get(str(window_days)) if isinstance(told, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def noticed(done: MonitorPass) -> list[str]:
    """What a pass found of the portfolio as a whole, in words."""
    found = done.portfolio.get("found")
    return [str(one) for one in found] if isinstance(found, list) else []
