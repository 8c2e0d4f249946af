"""The report: the last pass of the monitor as one HTML file that can be mailed.

Belongs here: its form. Not here: what it tells (`operations.oversight`). It loads nothing from anywhere.
Every text passes through one function that escapes it, for a product may be called anything.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import Final

from pricecast_dagster.operations import oversight
from pricecast_dagster.operations.curves import curve
from pricecast_dagster.operations.oversight import Oversight, served
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.storage.served_scores import WINDOWS

LISTED: Final = 50
"""Rows of a table; a report of ten thousand products that drift is 60 kB."""

_STYLE: Final = """:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:1rem auto;padding:0 1rem;background:Canvas;color:CanvasText}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{text-align:left;padding:.3rem .6rem .3rem 0;border-bottom:1px solid #8884;vertical-align:top;font-weight:400}
thead th{opacity:.7}
div{overflow-x:auto}
h2{font-size:1.1rem;margin-top:1.6rem}"""

Row = Sequence[object]


def html(context: StageContext) -> str:
    """The report, as a whole document.

    Raises:
        DatabaseUnavailableError: the records cannot be read.
    """
    found = oversight.of_portfolio(context)
    last = found.passes[0] if found.passes else None
    lead = (
        f"Served forecasts against what happened, rows until {last.day}."
        if last
        else "The monitor has not looked yet: run `pricecast monitor`."
    )
    body = [
        f"<h1>pricecast</h1><p>{_text(lead)} Written {_text(context.clock())}.</p>",
        "".join(f"<p><strong>{_text(line)}</strong></p>" for line in (oversight.noticed(last) if last else [])),
        _served(found),
        _table("Alerts", ("severity", "product", "what is wrong", "what to do", "since"), _alerts(found), _present(found)),
        _table("Not well", ("product", "what", "found"), _findings(found), found.finding_count),
        _table(
            "To be retrained",
            ("product", "reason", "why", "state", "since"),
            ((one.sku, one.reason, one.evidence.get("told", ""), one.status, one.created_at) for one in found.requests),
            sum(found.request_counts.values()),
        ),
        _table(
            "Decided within a week",
            ("product", "version", "outcome", "why"),
            ((one.sku, one.version, one.status, one.decision) for one in found.decided),
            len(found.decided),
        ),
        _table(
            f"Furthest behind the last price ({context.settings.currency})",
            ("product", "error over the last price's", "mean error", "bias", "inside 80 %", "days"),
            ((one.sku, one.scaled, one.mae, one.bias, one.coverage_80, one.days) for one in found.worst),
            len(found.worst),
        ),
    ]
    meta = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    head = f"{meta}<title>pricecast</title><style>{_STYLE}</style>"
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>\n'


def _served(found: Oversight) -> str:
    if not found.passes:
        return ""
    names = ("products", "mae_over_last_price", "worse_than_last_price", "coverage_80", "coverage_95")
    rows = [(window, *(served(found.passes[0], window).get(name) for name in names)) for window in WINDOWS]
    headings = ("days back", "products", "error over the last price's", "worse than it", "inside 80 %", "inside 95 %")
    passes = found.passes[::-1]
    drawn = curve(
        [served(one).get("mae_over_last_price") for one in passes],
        [str(one.day) for one in passes],
        told="error over the last price's, 28 days, by day",
        level=1.0,
    )
    return _table("Accuracy in service", headings, rows, len(rows)) + drawn


def _present(found: Oversight) -> int:
    return sum(found.alert_counts.values())


def _alerts(found: Oversight) -> Iterable[Row]:
    return ((one.severity, one.sku or "", one.told, one.remedy, one.since) for one in found.alerts)


def _findings(found: Oversight) -> Iterable[Row]:
    return ((one.sku, one.kind, one.verdict) for one in found.findings)


def _table(title: str, headings: Sequence[str], rows: Iterable[Row], count: int) -> str:
    shown = list(rows)[:LISTED]
    if not shown:
        return f"<h2>{_text(title)}</h2><p>Nothing.</p>"
    head = "".join(f'<th scope="col">{_text(heading)}</th>' for heading in headings)
    lines = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in shown)
    more = f"<p>and {count - len(shown):,} more</p>" if count > len(shown) else ""
    return f"<h2>{_text(title)}</h2><div><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>{more}"


def _text(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    return escape(str(value))
