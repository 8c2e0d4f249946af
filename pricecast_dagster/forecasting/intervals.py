"""Intervals: bands around a forecast, from what the SKU's own past forecasts were off by.

Belongs here: half-widths from past multi-step errors, and their coverage on past origins. Not here: the past forecasts
(`validation`), the forecast they go around (`model`), other products' scores (`interval_prior`).

Split conformal prediction (Vovk et al. 2005; Lei et al. 2018) with absolute errors over the SKU's own scale of each day ahead as
scores: a price that wanders is off by three times as much after a fortnight as on the next day, and a flat band that covers 80 %
of all days covers 95 % of the first two and 70 % of the last five. Some dozen of own scores cannot tell a 95 % quantile, so the
scores of other products join them with the weight of 20 days. A half-width is never above the worst the SKU has seen or twice
its spread: scales of series with one bad window among flat ones explode otherwise (a band of 31,000 on a price of 55).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.interval_prior import PRIOR_SCORES
from pricecast_dagster.forecasting.recipe import Kind
from pricecast_dagster.schemas import LEVELS

SPREAD_DAYS: Final = 90
_FLOOR_SHARE: Final = 0.003

_PRIOR_SCALE_DAYS: Final = 10
_PRIOR_SCALE: Final = 0.6
_PRIOR_WEIGHT: Final = 20
_NEIGHBOURS: Final = 2
"""A day ahead shares its errors with the two days on either side; alone it has a handful."""

_GROWTH: Final[dict[Kind, float]] = {Kind.NOISY: 0.0, Kind.STICKY: 0.5}
"""Errors grow as days ahead to this power where nothing is known: noise about a level does not, what changes now and then as a
random walk does."""


@dataclass(frozen=True, eq=False)
class Errors:
    """Past errors of one SKU's forecasts, from which bands are made.

    Attributes:
        errors: (k, h) forecast less actual from each past origin; NaN where nothing is known.
        block: (k,) number of the fit behind each origin: errors of one block are one piece of evidence.
        kind: of the price.
        spread: see `recent_spread`.
    """

    errors: NDArray[np.float64]
    block: NDArray[np.intp]
    kind: Kind
    spread: float

    @property
    def sizes(self) -> NDArray[np.float64]:
        """(k, h) absolute errors."""
        return np.abs(self.errors)

    @property
    def known(self) -> NDArray[np.bool_]:
        """(k, h) where an error is known."""
        return ~np.isnan(self.errors)

    def of(self, chosen: NDArray[np.bool_]) -> "Errors":
        """Those from some of the origins (k,)."""
        return Errors(self.errors[chosen], self.block[chosen], self.kind, self.spread)


def recent_spread(prices: NDArray[np.float64]) -> float:
    """Standard deviation of a SKU's last 90 observed prices, at least 0.3 % of their level; (days,) -> price units."""
    recent = prices[-SPREAD_DAYS:]
    floor = _FLOOR_SHARE * float(np.mean(recent))
    return max(float(np.std(recent)), floor)


def half_widths(past: Errors, horizon_days: int) -> NDArray[np.float64]:
    """Half-widths of the bands of one SKU.

    Args:
        past: errors of past forecasts; without any the prior alone decides. Beyond the days ahead that were judged, the last
            one's grows on.
        horizon_days: how many days ahead.

    Returns:
        (levels, horizon_days) price units, in the order of schemas.LEVELS; wider for higher levels.
    """
    weight = _weight_of_one(past.known)
    scale = _scale(past, weight)
    scores = own_scores(past)
    worst = max(float(past.sizes[past.known].max(initial=0.0)), 2 * past.spread)
    quantiles = np.array([_quantile(scores, weight, past.kind, level / 100) for level in LEVELS])
    judged = np.minimum(quantiles[:, None] * scale, worst)
    beyond = np.arange(judged.shape[1] + 1, horizon_days + 1) / judged.shape[1]
    return np.concatenate([judged, judged[:, -1:] * beyond ** _GROWTH[past.kind]], axis=1)[:, :horizon_days]


def past_coverage(past: Errors) -> dict[int, float | None]:
    """Share of past days that lay within a band made from the other blocks, by level in percent; None without two blocks."""
    blocks = np.unique(past.block[past.known.any(axis=1)])
    if len(blocks) < 2:
        return dict.fromkeys(LEVELS)
    inside = np.zeros(len(LEVELS))
    for block in blocks:
        held_out = past.of(past.block == block)
        widths = half_widths(past.of(past.block != block), held_out.errors.shape[1])
        inside += (held_out.sizes <= widths[:, None]).sum(axis=(1, 2))
    return dict(zip(LEVELS, map(float, inside / past.known.sum()), strict=True))


def _weight_of_one(known: NDArray[np.bool_]) -> float:
    """What one past error counts for: origins a day apart see the same days again and again, a day counts once."""
    count = int(known.sum())
    if not count:
        return 0.0
    days = np.arange(known.shape[0])[:, None] + np.arange(known.shape[1])
    return len(np.unique(days[known])) / count


def _scale(past: Errors, weight: float) -> NDArray[np.float64]:
    """(h,) mean absolute error of each day ahead and its neighbours, drawn to a share of the spread."""
    ahead = np.arange(1, past.errors.shape[1] + 1)
    near = np.abs(ahead[:, None] - ahead) <= _NEIGHBOURS
    sizes = np.where(near, np.where(past.known, past.sizes, 0.0).sum(axis=0), 0.0).sum(axis=1)
    count = np.where(near, past.known.sum(axis=0), 0).sum(axis=1)
    # Each day ahead has its own origins, so a neighbourhood's errors count for as much as all days' do.
    share = weight * len(ahead) / near.sum(axis=1)
    middle = (len(ahead) + 1) / 2
    prior = _PRIOR_SCALE * past.spread * (ahead / middle) ** _GROWTH[past.kind]
    return np.asarray((share * sizes + _PRIOR_SCALE_DAYS * prior) / (share * count + _PRIOR_SCALE_DAYS))


def own_scores(past: Errors) -> NDArray[np.float64]:
    """(scores,) the known absolute errors over the scale that the other blocks give."""
    weight = _weight_of_one(past.known)
    scores = [np.zeros(0)]
    for block in np.unique(past.block):
        own = past.of(past.block == block)
        scores.append((own.sizes / _scale(past.of(past.block != block), weight))[own.known])
    return np.concatenate(scores)


def _quantile(scores: NDArray[np.float64], weight: float, kind: Kind, level: float) -> float:
    """The weighted quantile of own and other products' scores, of their total weight plus one: the day to come."""
    prior = np.array(PRIOR_SCORES[kind])
    values = np.concatenate([scores, prior])
    weights = np.concatenate([np.full(len(scores), weight), np.full(len(prior), _PRIOR_WEIGHT / len(prior))])
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    position = int(np.searchsorted(reached, level * (reached[-1] + 1)))
    return float(values[order][min(position, len(values) - 1)])
