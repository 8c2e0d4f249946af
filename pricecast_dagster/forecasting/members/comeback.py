"""The comeback member: a changed price may go back to exactly where it was.

Belongs here: the chance of that by the age of a price, counted in the SKU's own past. On Brazilian shelf prices 39 % of
changes lead back to the cent, after 3 days in the median; a promotion ends. The chance is that of a discrete-time hazard
model (Singer and Willett 1993) with one state, the price before: the hazard of going back depends on how long the price has
stood and on whether it stands below (a promotion) or above the one before. Few changes are known of one SKU, so a shipped
hazard counts as some days of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.members.protocol import Fitted
from pricecast_dagster.forecasting.origins import Origins
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.recipe import COMEBACK, Recipe
from pricecast_dagster.forecasting.samples import Samples

_AGES: Final = np.array([1, 2, 3, 5, 8, 14, 30])
"""Last age in days of each class but the last, which is open."""

# From what is known of shelf prices: 39 % of changes lead back, half of those within 3 days, a fifth after a week.
_PRIOR: Final = 0.7 * np.array(
    [
        [0.12, 0.10, 0.075, 0.045, 0.022, 0.012, 0.006, 0.002],
        [0.06, 0.05, 0.04, 0.02, 0.012, 0.008, 0.005, 0.002],
    ]
)
_PRIOR_DAYS: Final = 8.0
_SIDES: Final = ("below", "above")
_NAMES: Final = tuple(f"{side}_{number}" for side in _SIDES for number in range(len(_AGES) + 1))


@dataclass(frozen=True, eq=False)
class _Standing:
    """How prices stand at the end of each day; (n, days) each.

    Attributes:
        before: the price before the last change; the price itself where it never changed.
        age: days since the last change, that day included.
        side: 0 where the price is below the one before, 1 where it is not.
        changed: whether it ever changed.
    """

    before: NDArray[np.float64]
    age: NDArray[np.intp]
    side: NDArray[np.intp]
    changed: NDArray[np.bool_]


class Comeback:
    """The comeback member."""

    name = COMEBACK
    minimum_days = 1
    cost_milliseconds = 1.0

    def fit(self, samples: Samples, recipe: Recipe, seed: int) -> Fitted:
        """The hazards at the cut."""
        history = samples.history.until(samples.history.days[samples.until])
        hazards = _hazards(history, _standing(history.price))[-1]
        return Fitted(numbers=dict(zip(_NAMES, map(float, hazards.ravel()), strict=True)))

    def track(self, history: Panel, horizon_days: int) -> NDArray[np.float64]:
        """What it would have forecast from every day of one SKU, each knowing nothing later; (n_days, horizon_days)."""
        standing = _standing(history.price)
        hazards = _hazards(history, standing)
        own = hazards[np.arange(history.n_days), standing.side[0]]
        return _expected(history.price[0], standing.before[0], standing.age[0], own, horizon_days)

    def forecast(
        self, fitted: Sequence[Fitted], which: NDArray[np.intp], origins: Origins, horizon_days: int
    ) -> NDArray[np.float64]:
        """The price expected when it goes back with the chance of its age."""
        standing = _standing(origins.panel.price)
        at = (origins.rows, origins.columns)
        # By name: a store may hand them back in another order.
        hazards = np.array([[member.numbers[name] for name in _NAMES] for member in fitted])
        hazards = hazards.reshape(len(fitted), len(_SIDES), -1)
        own = hazards[which, standing.side[at]]
        return _expected(origins.last, standing.before[at], standing.age[at], own, horizon_days)


def prices_before(panel: Panel) -> NDArray[np.float64]:
    """(n_skus, n_days) the price before the last change, at the end of each day; the price itself where it never changed."""
    return _standing(panel.price).before


def price_ages(panel: Panel) -> NDArray[np.intp]:
    """(n_skus, n_days) days since the last change, that day included, at the end of each day."""
    return _standing(panel.price).age


def _standing(price: NDArray[np.float64]) -> _Standing:
    """How prices (n, days), carried forward, stand at the end of each day."""
    columns = np.arange(price.shape[1])
    moved = np.zeros(price.shape, dtype=bool)
    moved[:, 1:] = (price[:, 1:] != price[:, :-1]) & ~np.isnan(price[:, :-1])
    latest = np.maximum.accumulate(np.where(moved, columns, 0), axis=1)
    changed = np.logical_or.accumulate(moved, axis=1)
    before = np.where(changed, np.take_along_axis(price, np.maximum(latest - 1, 0), axis=1), price)
    return _Standing(before, columns - latest + 1, (price >= before).astype(np.intp), changed)


def _hazards(history: Panel, standing: _Standing) -> NDArray[np.float64]:
    """(days, sides, ages) daily chance of going back, at the end of each day of one SKU, from the observed days up to it."""
    exposed = history.observed[0, 1:] & standing.changed[0, :-1]
    back = exposed & (history.price[0, 1:] == standing.before[0, :-1])
    ages = np.searchsorted(_AGES, standing.age[0, :-1])
    cells = np.zeros((2, history.n_days, len(_SIDES), len(_AGES) + 1))
    days = np.arange(1, history.n_days)
    cells[0, days, standing.side[0, :-1], ages] = exposed
    cells[1, days, standing.side[0, :-1], ages] = back
    exposures, comebacks = np.add.accumulate(cells, axis=1)
    return np.asarray((comebacks + _PRIOR_DAYS * _PRIOR) / (exposures + _PRIOR_DAYS))


def _expected(
    price: NDArray[np.float64],
    before: NDArray[np.float64],
    age: NDArray[np.intp],
    hazards: NDArray[np.float64],
    horizon_days: int,
) -> NDArray[np.float64]:
    """(n, h) expected prices from prices, those before, ages (n,) and hazards by age (n, ages)."""
    expected = np.empty((len(price), horizon_days))
    stays = np.ones(len(price))
    everyone = np.arange(len(price))
    for ahead in range(horizon_days):
        stays = stays * (1.0 - hazards[everyone, np.searchsorted(_AGES, age + ahead)])
        expected[:, ahead] = price + (1.0 - stays) * (before - price)
    return expected
