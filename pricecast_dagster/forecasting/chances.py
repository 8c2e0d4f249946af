"""Chances: how likely a price still stands some days ahead, and how likely it is back at the one before.

Belongs here: the chances of a change by the age of a price and by weekday, counted in the SKU's own past. Not here: what a
forecast makes of them (`members.comeback`, `settling`).

A discrete-time hazard model of a semi-Markov process (Singer and Willett 1993): on each day a price goes back to the one before,
goes elsewhere, or stays. How likely depends on how long it has stood, on whether it stands below the one before (a promotion,
often) or above, and on the weekday: price boards change on one. Few changes are known of one SKU: shipped chances, drawn to
how often this SKU changes at all, count as some days of its own, and a weekday is believed to be special as far as its
changes are unlikely otherwise (a mixture of Dirichlet priors, from "every weekday alike" to "one weekday only").

On seven sets, real and generated, the mean logarithmic loss of "still the same price on that day" is 0.56 with ages alone, 0.55
with the SKU's own level, and on prices that change weekly 0.42 instead of 0.50 with weekdays.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.origins import WEEK, Origins
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.standing import Standing, standing_of

_AGES: Final = np.array([1, 2, 3, 5, 8, 14, 30])
"""Last age in days of each class but the last, which is open."""

# Back: from what is known of shelf prices: 39 % of changes lead back, half of those within 3 days, a fifth after a week.
_BACK: Final = 0.7 * np.array(
    [
        [0.12, 0.10, 0.075, 0.045, 0.022, 0.012, 0.006, 0.002],
        [0.06, 0.05, 0.04, 0.02, 0.012, 0.008, 0.005, 0.002],
    ]
)
_AWAY: Final = np.array([[0.04, 0.03, 0.03, 0.03, 0.02, 0.02, 0.015, 0.01]] * 2)
"""Shipped chances of a day, by side (below the price before, or not) and age: of going back, and of going elsewhere."""

_OWN_EVENTS: Final = 3.0
"""What the shipped level counts for against how often this SKU has changed, in changes."""

_SHIPPED_DAYS: Final = 24.0
"""What the shipped chance of an age counts for, in days at that age."""

_CONCENTRATIONS: Final = (30.0, 3.0, 0.3)
"""How many changes on each weekday a prior stands for: all alike, somewhat, hardly."""
_BELIEFS: Final = (0.6, 0.3, 0.1)

_MOST_OF_A_DAY: Final = 0.97
"""No change is certain."""
_MOST_SHIPPED: Final = 0.9

_MONDAY: Final = np.datetime64("1970-01-05", "D")


@dataclass(frozen=True, eq=False)
class Chances:
    """Of n origins and h days ahead; (n, h) each.

    Attributes:
        stays: that the price has stood until then.
        back: that its next change was to the one before, and had happened.
    """

    stays: NDArray[np.float64]
    back: NDArray[np.float64]


def chances_of_days(history: Panel, horizon_days: int) -> Chances:
    """The chances at the end of every day of one SKU, each knowing nothing later; (n_days, horizon_days)."""
    columns = np.arange(history.n_days)

    def count(cells: NDArray[np.intp], size: int) -> NDArray[np.float64]:
        return np.cumsum(cells[0][:, None] == np.arange(size), axis=0, dtype=np.float64)

    return _chances(history, np.zeros_like(columns), columns, count, horizon_days)


def chances_at(origins: Origins, horizon_days: int) -> Chances:
    """The chances at some origins of any SKUs; (n, horizon_days)."""
    panel = origins.panel.select(origins.rows)
    rows = np.arange(len(origins))
    known = np.arange(panel.n_days) <= origins.columns[:, None]

    def count(cells: NDArray[np.intp], size: int) -> NDArray[np.float64]:
        chosen = (rows[:, None] * size + cells)[known & (cells >= 0)]
        return np.bincount(chosen, minlength=len(rows) * size).reshape(-1, size).astype(np.float64)

    return _chances(panel, rows, origins.columns, count, horizon_days)


_Count: TypeAlias = Callable[[NDArray[np.intp], int], NDArray[np.float64]]
"""How often each of some cells, by SKU and day, none where negative, had been seen at each of n origins: (n, cells)."""


def _chances(panel: Panel, rows: NDArray[np.intp], columns: NDArray[np.intp], count: _Count, horizon_days: int) -> Chances:
    """The chances at some days (n,) of some rows (n,), by what is counted up to them."""
    standing = standing_of(panel.price)
    weekday = (panel.days - _MONDAY).astype(np.intp) % WEEK
    special = _weekdays(panel, standing, weekday, count)
    back, away = _hazards(panel, standing, weekday, count, special)
    everyone = np.arange(len(rows))
    side, age = standing.side[rows, columns], standing.age[rows, columns]
    stays, returned = np.ones(len(rows)), np.zeros(len(rows))
    chances = Chances(np.empty((len(rows), horizon_days)), np.empty((len(rows), horizon_days)))
    for ahead in range(horizon_days):
        at = (everyone, side, np.searchsorted(_AGES, age + ahead))
        times = special[everyone, (weekday[columns] + 1 + ahead) % WEEK]
        any_change = (back[at] + away[at]) * times
        likely = np.minimum(any_change, _MOST_OF_A_DAY)
        share = np.divide(back[at] * times, any_change, out=np.zeros_like(likely), where=any_change > 0)
        returned = returned + stays * likely * share
        stays = stays * (1.0 - likely)
        chances.stays[:, ahead], chances.back[:, ahead] = stays, returned
    return chances


def _weekdays(panel: Panel, standing: Standing, weekday: NDArray[np.intp], count: _Count) -> NDArray[np.float64]:
    """(n, weekdays) how many times as likely as on any day a change is on each weekday.

    A change after days without a record may have been on any of them, so only days count whose day before was observed.
    """
    seen = np.zeros(panel.observed.shape, dtype=bool)
    seen[:, 1:] = panel.observed[:, 1:] & panel.observed[:, :-1]
    watched = count(np.where(seen, weekday, -1), WEEK) + 0.5
    changes = count(np.where(seen & standing.moved, weekday, -1), WEEK)
    usual = watched / _sum(watched)
    priors = [WEEK * concentration * usual for concentration in _CONCENTRATIONS]
    likelihoods = [np.log(belief) + _log_likelihood(changes, prior) for belief, prior in zip(_BELIEFS, priors, strict=True)]
    best = np.maximum.reduce(likelihoods)
    beliefs = [np.exp(likelihood - best) for likelihood in likelihoods]
    total = sum(beliefs)
    expected = np.zeros_like(usual)
    for belief, prior in zip(beliefs, priors, strict=True):
        expected += belief / total * (changes + prior) / _sum(changes + prior)
    return np.asarray(expected / usual)


def _log_likelihood(changes: NDArray[np.float64], prior: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 1) of changes by weekday (n, 7), in their order, under a Dirichlet prior (n, 7)."""
    from scipy.special import gammaln

    ratio = gammaln(_sum(prior)) - gammaln(_sum(prior) + _sum(changes))
    return np.asarray(ratio + _sum(gammaln(prior + changes) - gammaln(prior)))


def _sum(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 1) sums, one after the other: numpy's own over an axis rounds by memory layout, hence by batch."""
    return np.add.accumulate(values, axis=1)[:, -1:]


def _hazards(
    panel: Panel, standing: Standing, weekday: NDArray[np.intp], count: _Count, special: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n, sides, ages) chances of a day, of going back and of going elsewhere, on a weekday like any."""
    n_ages = len(_AGES) + 1
    was = standing.side[:, :-1] * n_ages + np.searchsorted(_AGES, standing.age[:, :-1])
    # Also on days without a record: what is recorded once a week may have changed on any day of it.
    could = standing.changed[:, :-1]
    back = could & (panel.price[:, 1:] == standing.before[:, :-1])
    away = could & standing.moved[:, 1:] & ~back

    def counted(chosen: NDArray[np.bool_], cells: NDArray[np.intp], size: int) -> NDArray[np.float64]:
        # The first day is no change from anything.
        return count(np.concatenate([np.full((len(cells), 1), -1), np.where(chosen, cells, -1)], axis=1), size)

    exposed = np.zeros((len(special), 2 * n_ages))
    by_weekday = counted(could, was * WEEK + weekday[1:], 2 * n_ages * WEEK).reshape(-1, 2 * n_ages, WEEK)
    for day in range(WEEK):
        exposed += by_weekday[:, :, day] * special[:, day, None]

    def drawn(events: NDArray[np.float64], shipped: NDArray[np.float64]) -> NDArray[np.float64]:
        level = (_sum(events) + _OWN_EVENTS) / (_sum(exposed * shipped) + _OWN_EVENTS)
        hazard = (events + _SHIPPED_DAYS * np.minimum(level * shipped, _MOST_SHIPPED)) / (exposed + _SHIPPED_DAYS)
        return np.asarray(hazard.reshape(-1, 2, n_ages))

    return drawn(counted(back, was, 2 * n_ages), _BACK.ravel()), drawn(counted(away, was, 2 * n_ages), _AWAY.ravel())
