"""Intervals: bands around a forecast, from what the SKU's own past forecasts were off by.

Belongs here: how far bands reach, by kind of price, and their coverage on past origins. Not here: the errors (`past_errors`), the
bands of sticky prices (`shortest`), the forecast they go around (`model`), other products' scores (`interval_prior`).

Noisy prices have split conformal bands (Vovk et al. 2005; Lei et al. 2018) with errors over the SKU's own scale of each day ahead
as scores, signed, and each tail of its own (signed-error conformal regression, Linusson et al. 2014): days of a till are skewed,
to low prices where some buy in bulk and to high ones where most do. Some dozen of own scores cannot tell a 95 % quantile, so
those of its own earlier past join them (`earlier`), and those of other products with the weight of 20 days, or 10 where the past
is long. On a gift shop's tills Winkler scores of 80 and 95 % bands are 7 and 24 % smaller than with sizes of errors and without
the earlier past, 8 to 12 and 19 to 23 % on generated ones, and within 2 % on grocery tills.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.interval_prior import PRIOR_SCORES
from pricecast_dagster.forecasting.past_errors import (
    GROWTH,
    LATER_DAYS,
    LATER_ORIGIN_STEP,
    Errors,
    own_scores,
    scale,
    weighted_quantiles,
)
from pricecast_dagster.forecasting.recipe import Kind
from pricecast_dagster.forecasting.shortest import LATER_PRIOR_WEIGHT, shortest_reaches
from pricecast_dagster.schemas import LEVELS

N_SIDES: Final = 2
_PRIOR_WEIGHT: Final = 20.0

_REPLACED: Final = 0.1
"""So much of a day of other products does a day of the SKU's own earlier past take the place of."""

_TO_COME: Final = 0.5
"""The day to come is added to those known, half of it in each tail."""

_GROWTH_AFTER: Final[dict[Kind, float]] = {Kind.NOISY: 0.05, Kind.STICKY: GROWTH[Kind.STICKY]}
"""Bands grow as the days ahead to this power after those that were judged. Levels of tills drift a little: without it, Winkler
scores of their 60-day bands are 0.3 to 5 % greater at 95 % and the same at 80, and grocery tills are covered by 2 points less."""

_GROWTH_WINDOWS: Final = 3.0
"""So many windows of the days after the fortnight, one after the other, count as much as the rule of growth."""


def reaches(past: Errors, horizon_days: int, later: Errors | None = None) -> NDArray[np.float64]:
    """How far the bands of one SKU reach from the forecast.

    Args:
        past: errors of past forecasts; without any the prior alone decides.
        horizon_days: how many days ahead. Beyond those that were judged, the last one's reach grows on, as far as `later` does
            not say how.
        later: errors of LATER_DAYS of the same SKU; None, or without any, where growth alone decides.

    Returns:
        (sides, levels, 2, horizon_days) price units, for a price that stands on each of the sides of `past_errors.sides`: down
        and up from the forecast, levels in the order of schemas.LEVELS; further for higher levels.
    """
    if past.kind is Kind.STICKY:
        judged = shortest_reaches(past)
    else:
        judged = np.broadcast_to(_tails(past), (N_SIDES, len(LEVELS), 2, past.errors.shape[1]))
    further = np.arange(judged.shape[-1] + 1, horizon_days + 1) / judged.shape[-1]
    grown = judged[..., -1:] * further ** _GROWTH_AFTER[past.kind]
    if past.kind is Kind.STICKY:
        grown = np.maximum(grown, _later(judged[..., -1], further))
    if later is not None and later.known.any() and len(further):
        grown = _drawn(grown, judged, later)
    return np.concatenate([judged, grown], axis=-1)[..., :horizon_days]


def past_coverage(past: Errors) -> dict[int, float | None]:
    """Share of past days that lay within a band made from the other blocks, by level in percent; None without two blocks.

    Of the days that the whole model rehearsed; those that rules alone forecast are evidence, and not judged.
    """
    blocks = np.unique(past.block[past.known.any(axis=1)])
    judged = blocks[blocks >= 0]
    if len(blocks) < 2 or not len(judged):
        return dict.fromkeys(LEVELS)
    inside, count = np.zeros(len(LEVELS)), 0
    for block in judged:
        held_out = past.of(past.block == block)
        ends = reaches(past.of(past.block != block), held_out.errors.shape[1])[held_out.side]
        # An error is forecast less actual: what lies above the forecast is a negative one.
        within = (held_out.errors[:, None] <= ends[:, :, 0]) & (-held_out.errors[:, None] <= ends[:, :, 1])
        inside += within.sum(axis=(0, 2))
        count += int(held_out.known.sum())
    return dict(zip(LEVELS, map(float, inside / count), strict=True))


def _drawn(grown: NDArray[np.float64], judged: NDArray[np.float64], later: Errors) -> NDArray[np.float64]:
    """Reaches (..., f) after the judged days (..., h), drawn from the rule of growth to what past errors say, the more are known.

    Deals of two weeks are over by then, and a band that has only grown holds them all; a price that wanders goes on wandering.
    """
    near = judged.shape[-1]
    known = np.concatenate([judged[..., -1:], shortest_reaches(later, LATER_PRIOR_WEIGHT)], axis=-1)
    days = near + 1 + np.arange(grown.shape[-1])
    found = np.apply_along_axis(lambda ends: np.interp(days, [near, *LATER_DAYS], ends), -1, known)
    windows = int(later.known.any(axis=1).sum()) * LATER_ORIGIN_STEP / (LATER_DAYS[-1] - near)
    share = windows / (windows + _GROWTH_WINDOWS)
    return np.asarray(share * found + (1 - share) * grown)


def _later(last: NDArray[np.float64], further: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far bands reach at multiples (f,) of the last judged day, if nothing but more changes come: (sides, levels, 2, f).

    What holds a share s of the days for one span holds s^f for f of them, so a band of a level has to reach where that of its
    f-th root does at the last judged day; between the judged levels, reaches are interpolated. A band of width 0 on day 14 that
    grows by a factor stays one for ever: 80 % bands of shelf prices covered 71 % after day 28 so, and cover 85 % now.
    """
    roots = np.minimum((np.array(LEVELS) / 100)[:, None] ** (1 / further), LEVELS[-1] / 100)
    share = (roots - LEVELS[0] / 100) / (LEVELS[-1] / 100 - LEVELS[0] / 100)
    low, high = last[:, :1, :, None], last[:, -1:, :, None]
    return np.asarray(low + share[None, :, None, :] * (high - low))


def _tails(past: Errors) -> NDArray[np.float64]:
    """(levels, 2, h) how far the bands of noise reach: weighted quantiles of own, earlier and other products' scores."""
    own, others = own_scores(past), np.array(PRIOR_SCORES[past.kind])
    scores = np.concatenate([own, past.earlier, -others, others])
    others_days = _PRIOR_WEIGHT - _REPLACED * len(past.earlier)
    days = np.concatenate(
        [
            np.full(len(own), past.weight),
            np.ones(len(past.earlier)),
            np.full(2 * len(others), others_days / (2 * len(others))),
        ]
    )
    need = (1 + np.array(LEVELS) / 100) / 2 * (days.sum() + _TO_COME)
    ends = np.stack([weighted_quantiles(way * scores, days, need) for way in (-1, 1)], axis=1)
    return np.minimum(np.maximum(ends, 0.0)[:, :, None] * scale(past, past.weight), past.worst)
