"""Intervals: bands around a forecast, from what the SKU's own past forecasts were off by.

Belongs here: half-widths from past multi-step errors, and their coverage on past origins. Not here: the past forecasts
(`validation`), the forecast they go around (`model`).

Split conformal prediction (Vovk et al. 2005; Lei et al. 2018) with absolute errors over the SKU's own scale as scores. Some dozen
of own scores cannot tell a 95 % quantile, so a table of scores of other products (`_PRIOR_SCORES`, shipped, the same for all)
joins them with the weight of 20 days. A half-width is never above the worst the SKU has seen or twice its spread: scales of
series with one bad window among flat ones explode otherwise (a band of 31,000 on a price of 55).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.schemas import LEVELS

SPREAD_DAYS: Final = 90
_PRIOR_SCALE_DAYS: Final = 10
_PRIOR_SCALE: Final = 0.6
_PRIOR_WEIGHT: Final = 20
_FLOOR_SHARE: Final = 0.003

_PRIOR_SCORES: Final = np.linspace(0.005, 0.995, 100) / (1.0 - np.linspace(0.005, 0.995, 100)) ** 0.5


@dataclass(frozen=True, eq=False)
class Errors:
    """Past errors of one SKU's forecasts, from which bands are made.

    Attributes:
        errors: (k, h) forecast less actual from each past origin; NaN where nothing is known.
        block: (k,) number of the fit behind each origin: errors of one block are one piece of evidence.
    """

    errors: NDArray[np.float64]
    block: NDArray[np.intp]


def recent_spread(prices: NDArray[np.float64]) -> float:
    """Standard deviation of a SKU's prices of the last 90 days, at least 0.3 % of their level; (days,) -> price units."""
    recent = prices[-SPREAD_DAYS:]
    floor = _FLOOR_SHARE * float(np.mean(recent))
    return max(float(np.std(recent)), floor)


def half_widths(past: Errors, spread: float) -> dict[int, float]:
    """Half-widths of the bands of one SKU, in price units, by level in percent; wider for higher levels.

    Args:
        past: errors of past forecasts; without any the prior alone decides.
        spread: see `recent_spread`.
    """
    sizes = np.abs(past.errors)
    known = ~np.isnan(sizes)
    weight = _weight_of_one(known)
    scores = _scores(sizes, known, past.block, spread, weight)
    scale = _scale(sizes[known], spread, weight)
    cap = max(float(sizes[known].max(initial=0.0)), 2 * spread)
    return {level: min(_quantile(scores, weight, level / 100) * scale, cap) for level in LEVELS}


def past_coverage(past: Errors, spread: float) -> dict[int, float | None]:
    """Share of past days that lay within a band made from the other blocks, by level in percent; None without two blocks."""
    known = ~np.isnan(past.errors)
    blocks = np.unique(past.block[known.any(axis=1)])
    if len(blocks) < 2:
        return dict.fromkeys(LEVELS)
    inside = dict.fromkeys(LEVELS, 0)
    for block in blocks:
        others, held_out = past.block != block, np.abs(past.errors[past.block == block])
        widths = half_widths(Errors(past.errors[others], past.block[others]), spread)
        for level in LEVELS:
            inside[level] += int((held_out[~np.isnan(held_out)] <= widths[level]).sum())
    return {level: inside[level] / int(known.sum()) for level in LEVELS}


def _weight_of_one(known: NDArray[np.bool_]) -> float:
    """What one past error counts for: origins a day apart see the same days again and again, a day counts once."""
    count = int(known.sum())
    if not count:
        return 0.0
    days = np.arange(known.shape[0])[:, None] + np.arange(known.shape[1])
    return len(np.unique(days[known])) / count


def _scale(sizes: NDArray[np.float64], spread: float, weight: float) -> float:
    prior = _PRIOR_SCALE_DAYS * _PRIOR_SCALE * spread
    return float((weight * sizes.sum() + prior) / (weight * sizes.size + _PRIOR_SCALE_DAYS))


def _scores(
    sizes: NDArray[np.float64], known: NDArray[np.bool_], block: NDArray[np.intp], spread: float, weight: float
) -> NDArray[np.float64]:
    """Errors over the scale that the other blocks give."""
    scores = []
    for number in np.unique(block):
        inside = known & (block == number)[:, None]
        scores.append(sizes[inside] / _scale(sizes[known & ~inside], spread, weight))
    return np.concatenate(scores) if scores else np.zeros(0)


def _quantile(scores: NDArray[np.float64], weight: float, level: float) -> float:
    """The weighted quantile of own and prior scores, of their total weight plus one: the day to come."""
    values = np.concatenate([scores, _PRIOR_SCORES])
    weights = np.concatenate([np.full(len(scores), weight), np.full(len(_PRIOR_SCORES), _PRIOR_WEIGHT / len(_PRIOR_SCORES))])
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    position = int(np.searchsorted(reached, level * (reached[-1] + 1)))
    return float(values[order][min(position, len(values) - 1)])
