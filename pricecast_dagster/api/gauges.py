"""Gauges of the portfolio in service, for Prometheus.

Belongs here: names and meaning. Not here: when they are looked up (`routes.health`), gauges of freshness (there too).
"""

from prometheus_client import CollectorRegistry, Gauge

from pricecast_dagster.operations.oversight import Oversight, served
from pricecast_dagster.storage.alerts import Severity
from pricecast_dagster.storage.served_scores import WINDOWS

LEVELS = ("80", "95")


def tell(registry: CollectorRegistry, found: Oversight) -> None:
    """Set the gauges; those of which nothing was measured yet have no value."""
    ratio = Gauge(
        "pricecast_served_error_ratio",
        "Error of served forecasts over that of the last price, whole portfolio; under 1 is better.",
        ("window_days",),
        registry=registry,
    )
    inside = Gauge(
        "pricecast_served_coverage",
        "Share of prices that came and lay inside the band, 0 to 1.",
        ("window_days", "level"),
        registry=registry,
    )
    scored = Gauge("pricecast_served_products", "Products with scored forecasts.", ("window_days",), registry=registry)
    for window in WINDOWS if found.passes else ():
        figures = served(found.passes[0], window)
        scored.labels(window).set(figures.get("products") or 0)
        if (value := figures.get("mae_over_last_price")) is not None:
            ratio.labels(window).set(value)
        for level in LEVELS:
            if (share := figures.get(f"coverage_{level}")) is not None:
                inside.labels(window, level).set(share)
    if found.passes:
        last = Gauge("pricecast_monitor_pass_timestamp_seconds", "When the last pass of the monitor ended.", registry=registry)
        last.set(found.passes[0].finished_at.timestamp())
    Gauge("pricecast_drifting_products", "Products of which something is not well.", registry=registry).set(found.drifting)
    requests = Gauge("pricecast_retrain_requests", "Retrain requests that are not done.", ("status",), registry=registry)
    for status, count in found.request_counts.items():
        requests.labels(status.value).set(count)
    Gauge("pricecast_open_trials", "Models on trial.", registry=registry).set(found.open_trials)
    alerts = Gauge("pricecast_alerts", "What is wrong now.", ("severity",), registry=registry)
    for severity in Severity:
        alerts.labels(severity.value).set(found.alert_counts[severity])
    letters = Gauge("pricecast_alert_messages", "Messages to receivers by what became of them.", ("status",), registry=registry)
    for state, count in found.letters.items():
        letters.labels(state.value).set(count)
