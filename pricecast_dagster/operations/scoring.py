"""Scoring: stored forecasts against the prices that have come since, for a chunk of products.

Belongs here: bringing stored forecasts and histories together, storing the scores. Not here: the formulas (`forecasting.served`),
what follows from them (`operations.monitoring`).
"""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.served import MEASURES, Served, ServedScores, score
from pricecast_dagster.stages.context import StageContext
from pricecast_dagster.storage import forecasts, served_scores
from pricecast_dagster.storage.served_scores import WINDOWS, ServedScore

EPOCH = date(1970, 1, 1)


def served_of(context: StageContext, panel: Panel) -> Served:
    """The forecasts of the longest window that were served for days whose price is known by now.

    Args:
        panel: histories; `day` of the result counts from 1970-01-01.
    """
    last: date = panel.days[-1].item()
    with context.database.read() as connection:
        rows = forecasts.served_days(connection, panel.skus, last - timedelta(days=max(WINDOWS) - 1), last)
    number = {sku: position for position, sku in enumerate(panel.skus)}
    first = (panel.days[0].item() - EPOCH).days
    sku = np.array([number[row.sku] for row in rows], dtype=np.intp)
    origin = np.array([(row.origin - EPOCH).days for row in rows], dtype=np.int64)
    horizon = np.array([row.horizon for row in rows], dtype=np.int64)
    column = origin + horizon - first
    # The origin is a day of the panel: a forecast begins after the product's first day, and corrections take none of its days.
    usable = (column >= 0) & (column < panel.n_days) & (origin >= first)
    usable[usable] = panel.observed[sku[usable], column[usable]] & np.isfinite(panel.price[sku[usable], origin[usable] - first])
    values = np.array([row[4:] for row in rows], dtype=np.float64).reshape(-1, 5)[usable]
    sku, origin, column = sku[usable], origin[usable], column[usable]
    return Served(
        sku=sku,
        day=column + first,
        horizon=horizon[usable],
        price=values[:, 0],
        lower_80=values[:, 1],
        upper_80=values[:, 2],
        lower_95=values[:, 3],
        upper_95=values[:, 4],
        actual=panel.price[sku, column],
        last=panel.price[sku, origin - first],
    )


def score_chunk(context: StageContext, panel: Panel, served: Served) -> ServedScores:
    """Score a chunk of products up to each one's last known day, and store the scores; the same again change nothing."""
    first = (panel.days[0].item() - EPOCH).days
    until = panel.last + first
    scores = score(served, until, WINDOWS, context.settings.horizon_days)
    rows = _rows(panel.skus, until, scores)
    with context.database.write() as connection:
        served_scores.store(connection, rows)
    return scores


def _rows(skus: Sequence[str], until: NDArray[np.int64], scores: ServedScores) -> list[ServedScore]:
    rows = []
    for sku, window, horizon in np.argwhere(scores.forecasts > 0):
        cell = (sku, window, horizon)
        measured = {name: float(scores.measures[name][cell]) for name in MEASURES}
        rows.append(
            ServedScore(
                sku=skus[sku],
                until=EPOCH + timedelta(days=int(until[sku])),
                window_days=WINDOWS[window],
                horizon=int(horizon),
                forecasts=int(scores.forecasts[cell]),
                days=int(scores.days[cell]),
                **{name: value if np.isfinite(value) else None for name, value in measured.items()},  # type: ignore[arg-type]
            )
        )
    return rows
