"""Past errors: what one SKU's forecasts were off by, the evidence that bands are made of.

Belongs here: the errors, where the price stood when each forecast was made, and how large they are by days ahead. Not here: the
past forecasts (`validation`, `ensemble`), and the bands (`intervals`, `shortest`).
"""

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.recipe import Kind

LATER_DAYS: Final = np.arange(16, 61, 4)
"""Days ahead beyond the first fortnight whose errors are known, up to the longest horizon."""

LATER_ORIGIN_STEP: Final = 4
"""They are kept from every fourth day: of what comes weeks later, days that follow one another say the same."""

SPREAD_DAYS: Final = 90
_FLOOR_SHARE: Final = 0.003

_PRIOR_SCALE_DAYS: Final = 10
_PRIOR_SCALE: Final = 0.6
_NEIGHBOURS: Final = 2
"""A day ahead shares its errors with the two days on either side; alone it has a handful."""

GROWTH: Final[dict[Kind, float]] = {Kind.NOISY: 0.0, Kind.STICKY: 0.5}
"""Errors grow as days ahead to this power where nothing is known: noise about a level does not, what changes now and then as a
random walk does."""

_ROUNDING: Final = 1e-9
"""Whether a sum of days reaches a share of them must not hang on the last bit."""


@dataclass(frozen=True, eq=False)
class Errors:
    """Past errors of one SKU's forecasts, from which bands are made.

    Attributes:
        errors: (k, h) forecast less actual from each past origin; NaN where nothing is known. Of the days 1 to h ahead, or of
            LATER_DAYS.
        block: (k,) number of the fit behind each origin: errors of one block are one piece of evidence. Negative where rules
            alone forecast, before learners were rehearsed.
        side: (k,) where the price stood, see `sides`.
        kind: of the price.
        spread: see `recent_spread`.
        earlier: (s,) scores of before, see `earlier`.
    """

    errors: NDArray[np.float64]
    block: NDArray[np.intp]
    side: NDArray[np.intp]
    kind: Kind
    spread: float
    earlier: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    @property
    def sizes(self) -> NDArray[np.float64]:
        """(k, h) absolute errors."""
        return np.abs(self.errors)

    @property
    def known(self) -> NDArray[np.bool_]:
        """(k, h) where an error is known."""
        return ~np.isnan(self.errors)

    @property
    def worst(self) -> float:
        """The largest error of the SKU, at least twice its spread: further no band reaches.

        Scales of series with one bad window among flat ones explode otherwise (a band of 31,000 on a price of 55).
        """
        return max(float(self.sizes[self.known].max(initial=0.0)), 2 * self.spread)

    @property
    def days(self) -> int:
        """How many days have an error, however many origins see each."""
        days = np.arange(self.errors.shape[0])[:, None] + np.arange(self.errors.shape[1])
        return len(np.unique(days[self.known]))

    @property
    def weight(self) -> float:
        """What one past error counts for: origins a day apart see the same days again and again, a day counts once."""
        count = int(self.known.sum())
        return self.days / count if count else 0.0

    def of(self, chosen: NDArray[np.bool_]) -> "Errors":
        """Those from some of the origins (k,)."""
        return replace(self, errors=self.errors[chosen], block=self.block[chosen], side=self.side[chosen])


def recent_spread(prices: NDArray[np.float64]) -> float:
    """Standard deviation of a SKU's last 90 observed prices, at least 0.3 % of their level; (days,) -> price units."""
    recent = prices[-SPREAD_DAYS:]
    floor = _FLOOR_SHARE * float(np.mean(recent))
    return max(float(np.std(recent)), floor)


def sides(last: NDArray[np.float64], before: NDArray[np.float64]) -> NDArray[np.intp]:
    """(n,) 0 where a price stands below the one before its last change (a promotion, often), 1 elsewhere."""
    return (last >= before).astype(np.intp)


def scale(past: Errors, weight: float) -> NDArray[np.float64]:
    """(h,) mean absolute error of each day ahead and its neighbours, drawn to a share of the spread."""
    ahead = np.arange(1, past.errors.shape[1] + 1)
    near = np.abs(ahead[:, None] - ahead) <= _NEIGHBOURS
    sizes = np.where(near, np.where(past.known, past.sizes, 0.0).sum(axis=0), 0.0).sum(axis=1)
    count = np.where(near, past.known.sum(axis=0), 0).sum(axis=1)
    # Each day ahead has its own origins, so a neighbourhood's errors count for as much as all days' do.
    share = weight * len(ahead) / near.sum(axis=1)
    middle = (len(ahead) + 1) / 2
    prior = _PRIOR_SCALE * past.spread * (ahead / middle) ** GROWTH[past.kind]
    return np.asarray((share * sizes + _PRIOR_SCALE_DAYS * prior) / (share * count + _PRIOR_SCALE_DAYS))


def own_scores(past: Errors) -> NDArray[np.float64]:
    """(scores,) what came less what was forecast, where it is known, over the scale that the other blocks give."""
    scores = [np.zeros(0)]
    for block in np.unique(past.block):
        own = past.of(past.block == block)
        scores.append((-own.errors / scale(past.of(past.block != block), past.weight))[own.known])
    return np.concatenate(scores)


def weighted_quantiles(values: NDArray[np.float64], days: NDArray[np.float64], need: NDArray[np.float64]) -> NDArray[np.float64]:
    """(q,) the smallest of the values (n,) up to which so many days (q,) lie; the largest where there are fewer.

    numpy's own inverted_cdf with weights decides exact ties by the last bit of a division: of random cases every fifth differs.

    Args:
        values: (n,) at least one.
        days: (n,) what each counts for.
        need: (q,) days.
    """
    order = np.argsort(values, kind="stable")
    position = np.searchsorted(np.cumsum(days[order]), need - _ROUNDING)
    return np.asarray(values[order][np.minimum(position, len(values) - 1)])
