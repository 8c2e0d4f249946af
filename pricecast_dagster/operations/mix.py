"""The mix: the portfolio as a whole, where a change of many small things shows that no product's own test finds.

Belongs here: served accuracy of all products together, missing days, rejected rows, what the portfolio is made of, and what of it
is worth telling. Not here: single products (`operations.drifting`).
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from statistics import median
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.storage import ingests, monitor_passes, products, served_scores
from pricecast_dagster.storage.ingests import Ingest
from pricecast_dagster.storage.monitor_passes import MonitorPass
from pricecast_dagster.storage.served_scores import WINDOWS, ServedScore

MISSING_MORE: Final = 0.05
"""A rise of the share of missing days by this much is told."""

REJECTED_TIMES: Final = 3.0
REJECTED_LEAST: Final = 0.01
"""Rejected rows are told from 1 % of a read on, where they are three times the usual share."""

MIX_PSI: Final = 0.25
COMPARED_DAYS: Final = 28
LAST_PRICE, MISSING, MISSING_BEFORE, SOLD = range(4)
"""Columns of `Measured.mix`."""


def portfolio(context: StageContext, day: date, mix: NDArray[np.float64]) -> dict[str, object]:
    """The portfolio in a few figures, and `found`: what of it is worth telling, in words.

    Args:
        day: the last day of its rows.
        mix: (n, 4) last price, missing share of the last 28 days and of the 90 before, mean quantity.
    """
    with context.database.read() as connection:
        scores = {window: list(served_scores.latest(connection, window_days=window).values()) for window in WINDOWS}
        categories = products.categories(connection)
        reads = ingests.recent(connection, 20)
        earlier = [done for done in monitor_passes.recent(connection, 60) if done.day <= day - timedelta(days=COMPARED_DAYS)]
    missing, before = (float(np.nanmean(mix[:, column])) if np.isfinite(mix[:, column]).any() else None for column in (1, 2))
    rejected = _rejected_shares(reads)
    facts: dict[str, object] = {
        "served": {str(window): _served(found) for window, found in scores.items()},
        "missing_share": _rounded(missing),
        "missing_share_before": _rounded(before),
        "rejected_share": _rounded(rejected[0]) if rejected else None,
        "categories": dict(sorted(categories.items())),
        "median_price": _rounded(float(np.median(mix[:, LAST_PRICE]))),
    }
    found = [*_missing(missing, before), *_rejected(rejected), *_moved_mix(categories, earlier)]
    return {**facts, "found": found}


def _served(scores: Sequence[ServedScore]) -> dict[str, object]:
    """All products together over one window; each forecast counts the same."""
    if not scores:
        return {"products": 0}
    weights = np.array([score.forecasts for score in scores], dtype=np.float64)
    scaled = [score.scaled for score in scores if score.scaled is not None]
    own = float(sum(score.mae * score.forecasts for score in scores))
    naive = float(sum(score.naive_mae * score.forecasts for score in scores))
    return {
        "products": len(scores),
        "small_samples": sum(score.small for score in scores),
        "forecasts": int(weights.sum()),
        "mae_over_last_price": _rounded(own / naive) if naive > 0 else None,
        "median_over_last_price": _rounded(median(scaled)) if scaled else None,
        "worse_than_last_price": sum(value > 1 for value in scaled),
        "coverage_80": _rounded(float(np.average([score.coverage_80 for score in scores], weights=weights))),
        "coverage_95": _rounded(float(np.average([score.coverage_95 for score in scores], weights=weights))),
    }


def _missing(missing: float | None, before: float | None) -> list[str]:
    if missing is None or before is None or missing < before + MISSING_MORE:
        return []
    return [f"{missing:.0%} of the days of the last four weeks have no record, {before:.0%} of those before"]


def _rejected_shares(reads: Sequence[Ingest]) -> list[float]:
    shares = []
    for read in reads:
        lines = read.counts.get("lines", 0)
        if read.complete and lines:
            shares.append(1 - read.counts.get("taken", 0) / lines)
    return shares


def _rejected(shares: Sequence[float]) -> list[str]:
    """Newest first; the newest against the median of those before."""
    if len(shares) < 2:
        return []
    now, usual = shares[0], median(shares[1:])
    if now < REJECTED_LEAST or now < REJECTED_TIMES * usual:
        return []
    return [f"{now:.1%} of the last read's lines were rejected, {usual:.1%} usually"]


def _moved_mix(categories: Mapping[str, int], earlier: Sequence[MonitorPass]) -> list[str]:
    """PSI of the shares of products by category, against four weeks ago."""
    before = earlier[0].portfolio.get("categories") if earlier else None
    if not isinstance(before, dict) or not before:
        return []
    names = sorted(set(categories) | set(before))
    now, then = (np.array([of.get(name, 0) + 0.5 for name in names]) for of in (categories, before))
    shares, old = now / now.sum(), then / then.sum()
    psi = float(((shares - old) * np.log(shares / old)).sum())
    if psi < MIX_PSI:
        return []
    most = names[int(np.argmax(np.abs(shares - old)))]
    return [f"the mix of categories has moved in four weeks (PSI {psi:.2f}), {most or 'those without one'} most"]


def _rounded(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(value, 4)
