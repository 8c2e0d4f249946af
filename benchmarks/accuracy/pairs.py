"""Two methods against each other, product by product, and whether a product is forecast worse than one could have known.

Belongs here: paired differences with their uncertainty, and the excess of bad products over chance. Not here: the scores of one
method (`scoring`).
"""

from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.baselines import SIMPLE_METHODS

RESAMPLES: Final = 2000
WORSE_BY: Final = 0.05
_SEED: Final = 7


@dataclass(frozen=True, slots=True)
class Pair:
    """A method against another: ratio of mean RMSE with its 95 % interval, share of products that gain, Wilcoxon's p-value."""

    ratio: float
    low: float
    high: float
    better: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Knowable:
    """Products forecast more than 5 % worse than by the simple method one would have chosen, in percent of the products.

    Attributes:
        seen: share of the products.
        chance: what it would be, were both equally good.
    """

    seen: float
    chance: float

    @property
    def beyond_chance(self) -> float:
        """Points above chance."""
        return self.seen - self.chance


def by_product(rmse: NDArray[np.float64], skus: NDArray[np.str_]) -> NDArray[np.float64]:
    """(products,) mean over each product's cases (n,), products in the order of their names."""
    _, positions = np.unique(skus, return_inverse=True)
    return np.bincount(positions, weights=rmse) / np.bincount(positions)


def pair(own: NDArray[np.float64], other: NDArray[np.float64], skus: NDArray[np.str_]) -> Pair:
    """Compare the RMSE of two methods, (n,) cases each.

    The interval resamples products, not cases: windows of one product are no independent evidence (bootstrap of clusters, Davison
    and Hinkley 1997, 2.4). Wilcoxon's signed rank test is of the products' differences as shares of both methods' mean error, so
    that a dear product counts as much as a cheap one; NaN where nothing differs.
    """
    from scipy.stats import wilcoxon

    mine, theirs = by_product(own, skus), by_product(other, skus)
    drawn = np.random.default_rng(_SEED).integers(0, len(mine), (RESAMPLES, len(mine)))
    ratios = mine[drawn].sum(axis=1) / np.maximum(theirs[drawn].sum(axis=1), np.finfo(float).tiny)
    total = mine + theirs
    difference = np.divide(mine - theirs, total, out=np.zeros_like(total), where=total > 0)
    p_value = float(wilcoxon(difference).pvalue) if np.count_nonzero(difference) > 5 else float("nan")
    low, high = np.quantile(ratios, [0.025, 0.975])
    theirs_total = float(own.mean()) / float(other.mean()) if other.mean() > 0 else float("nan")
    return Pair(theirs_total, float(low), float(high), 100 * float((difference < 0).mean()), p_value)


def knowable(rmse: dict[str, NDArray[np.float64]], own: str, skus: NDArray[np.str_], origins: NDArray[np.datetime64]) -> Knowable:
    """Whether a method is worse than the simple method that one could have known to be best.

    For every product and origin the opponent is the simple method with the least error at the product's other origins; chosen
    on the judged origin itself, the best of five would be partly luck. A product is bad if its errors summed over the origins
    are more than 5 % above the opponent's. Chance is exact: were both equally good, either could have had either's error at
    each origin, so it is the mean share of bad products over all exchanges of the two (16 of four origins).

    Args:
        rmse: method -> (n,) RMSE of the cases.
        own: the method that is judged.
        skus: (n,); origins: (n,) of the cases.
    """
    simple = np.stack([rmse[name] for name in SIMPLE_METHODS])
    seen, chance = [], []
    for sku in np.unique(skus):
        chosen = np.flatnonzero(skus == sku)
        if len(np.unique(origins[chosen])) < 2:
            continue
        errors = simple[:, chosen]
        elsewhere = errors.sum(axis=1, keepdims=True) - errors
        opponent = errors[np.argmin(elsewhere, axis=0), np.arange(len(chosen))]
        mine = rmse[own][chosen]
        exchanged = np.array(list(product([False, True], repeat=len(chosen))))
        one = np.where(exchanged, opponent, mine).sum(axis=1)
        two = np.where(exchanged, mine, opponent).sum(axis=1)
        bad = one > two * (1 + WORSE_BY)
        seen.append(bad[0])
        chance.append(bad.mean())
    return Knowable(100 * float(np.mean(seen)), 100 * float(np.mean(chance)))
