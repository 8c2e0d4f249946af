"""Validation: what a SKU's members would have forecast from past days, each knowing only what came before.

Belongs here: choosing the past days at which learners are fitted again, and everybody's multi-step forecasts from there. Not
here: what is concluded from them: kind, weights (`ensemble`), bands (`intervals`), scores (`scores`), promotion (`promotion`).

Rules cost so little that their forecasts are known for every past day: some hundred origins, which is what a series that moves
twice a quarter needs. Learners are fitted again at a few cuts; one fit serves every origin of the fortnight after it, as a model
in use does between two trainings.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.chances import chances_of_days
from pricecast_dagster.forecasting.members.roster import MEMBERS, RULES
from pricecast_dagster.forecasting.origins import Origins
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.recipe import POOLED, Kind, Learner, Recipe
from pricecast_dagster.forecasting.samples import Samples
from pricecast_dagster.forecasting.standing import prices_before

VALIDATED_DAYS: Final = 14
"""Days ahead that validation looks at: the horizon that is stored by default."""

CUT_STEP_DAYS: Final = 14
MOST_CUTS: Final[dict[Kind, int]] = {Kind.NOISY: 3, Kind.STICKY: 6}
"""Sticky prices have one learner instead of three, and quiet fortnights say nothing: six cuts cost the same and say more."""

LEARNER_WARM_UP_DAYS: Final = 45
"""A learner that has seen fewer days says nothing about the one that will answer."""

RULE_WARM_UP_DAYS: Final = 30

Rehearsed: TypeAlias = dict[tuple[str, tuple[Learner, ...]], NDArray[np.float64]]
"""Learner and what its fits depend on -> (k, h) its past forecasts, of one SKU at one set of cuts. Recipes that tuning compares
share most of their learners: none is rehearsed twice, which is 0.3 s of 1.5."""


@dataclass(frozen=True, eq=False)
class Track:
    """Past forecasts of the rules of one SKU, and what happened; r rules, n days, h days ahead.

    Attributes:
        rules: names, in the order of the first axis of forecasts.
        forecasts: (r, n, h) from every day, kept within the range of the 30 days before it.
        last: (n,) prices, carried forward.
        before: (n,) prices before the last change, the same where there was none.
        stays: (n, h) chance that the price still stands, see `chances`.
        actual: (n, h) what happened, carried forward; the last price of all beyond the history.
        counted: (n, h) whether that day was observed, not beyond the history, and the origin no longer a beginner's.
    """

    rules: tuple[str, ...]
    forecasts: NDArray[np.float64]
    last: NDArray[np.float64]
    before: NDArray[np.float64]
    stays: NDArray[np.float64]
    actual: NDArray[np.float64]
    counted: NDArray[np.bool_]

    def known_at(self, column: int) -> NDArray[np.bool_]:
        """(n, h) which of the counted days had happened by the end of a day."""
        days = np.arange(len(self.last))[:, None] + 1 + np.arange(self.counted.shape[1])
        return np.asarray(self.counted & (days <= column))

    def of(self, columns: NDArray[np.intp]) -> "Track":
        """From some of the days (k,) only."""
        return Track(
            self.rules,
            self.forecasts[:, columns],
            self.last[columns],
            self.before[columns],
            self.stays[columns],
            self.actual[columns],
            self.counted[columns],
        )


@dataclass(frozen=True, eq=False)
class Rehearsal:
    """Past forecasts of the learners of one SKU; l learners, k origins, h days ahead.

    Attributes:
        learners: names, in the order of the first axis of forecasts.
        cuts: columns after which the learners were fitted, ascending.
        columns: (k,) origins, ascending; block: (k,) which cut's fit stands behind each.
        forecasts: (l, k, h) kept within the range of the 30 days before the origin.
    """

    learners: tuple[str, ...]
    cuts: tuple[int, ...]
    columns: NDArray[np.intp]
    block: NDArray[np.intp]
    forecasts: NDArray[np.float64]


def track_rules(history: Panel, calendar: HolidayCalendar, recipe: Recipe) -> Track:
    """Follow the rules of a recipe through the whole history of one SKU."""
    columns = np.arange(history.n_days)
    origins = Origins(history, np.zeros_like(columns), columns, calendar)
    forecasts = np.stack([RULES[name].track(history, VALIDATED_DAYS) for name in recipe.rules])
    end = int(history.last[0])
    ahead = columns[:, None] + 1 + np.arange(VALIDATED_DAYS)
    inside = (ahead <= end) & (columns >= int(history.first[0]) + RULE_WARM_UP_DAYS)[:, None]
    ahead = np.minimum(ahead, end)
    return Track(
        recipe.rules,
        within_recent_range(forecasts, origins),
        history.price[0],
        prices_before(history)[0],
        chances_of_days(history, VALIDATED_DAYS).stays,
        history.price[0, ahead],
        inside & history.observed[0, ahead],
    )


def rehearse_kind(
    samples: Samples, calendar: HolidayCalendar, recipe: Recipe, kind: Kind, seed: int, known: Rehearsed | None = None
) -> Rehearsal:
    """Rehearse the learners of a kind of price, as often as their cost allows; see `rehearse`.

    A learner that cannot be rehearsed has no say, and a price that never moved needs none: then the rehearsal has no learners,
    and its origins show what the rules would have said.
    """
    most_cuts = MOST_CUTS[kind]
    learners = recipe.by_kind[kind] if samples.spread > 0 and cuts_of(samples.history, most_cuts) else ()
    if samples.pooled is None:
        learners = tuple(name for name in learners if name != POOLED)
    return rehearse(samples, calendar, recipe, learners, seed, most_cuts=most_cuts, known=known)


def rehearse(
    samples: Samples,
    calendar: HolidayCalendar,
    recipe: Recipe,
    learners: tuple[str, ...],
    seed: int,
    *,
    most_cuts: int,
    known: Rehearsed | None = None,
) -> Rehearsal:
    """Fit learners at past cuts and forecast from every day until the next cut.

    Args:
        samples: of one SKU.
        calendar: says which days are special.
        recipe: how the learners are fitted.
        learners: which.
        seed: of everything random.
        most_cuts: how many cuts at most; fewer where the history is short, none where it is very short.
        known: what was rehearsed before with the same samples, seed and cuts; what is rehearsed now is added.

    Raises:
        TrainingError: a learner cannot be fitted.
    """
    days_before = LEARNER_WARM_UP_DAYS if learners else RULE_WARM_UP_DAYS
    cuts = cuts_of(samples.history, most_cuts, days_before=days_before)
    columns = np.arange(cuts[0], int(samples.history.last[0])) if cuts else np.zeros(0, dtype=np.intp)
    block = np.searchsorted(np.array(cuts, dtype=np.intp), columns, side="right") - 1
    origins = Origins(samples.history, np.zeros_like(columns), columns, calendar)
    forecasts = np.empty((len(learners), len(columns), VALIDATED_DAYS))
    if cuts:
        known = {} if known is None else known
        for position, name in enumerate(learners):
            # Members without a learner of their own may take another's.
            own = (recipe.learners[name],) if name in recipe.learners else tuple(recipe.learners.values())
            if (name, own) not in known:
                fitted = [MEMBERS[name].fit(samples.cut(cut), recipe, seed) for cut in cuts]
                known[name, own] = MEMBERS[name].forecast(fitted, block, origins, VALIDATED_DAYS)
            forecasts[position] = known[name, own]
        forecasts = within_recent_range(forecasts, origins)
    return Rehearsal(learners, cuts, columns, block, forecasts)


def cuts_of(history: Panel, most_cuts: int, *, days_before: int = LEARNER_WARM_UP_DAYS) -> tuple[int, ...]:
    """The days, as columns, at the end of which members are fitted again; ascending, none for a short history.

    Args:
        history: the panel of one SKU.
        most_cuts: how many at most.
        days_before: days of history that a cut needs; two thirds of them have to be observed.
    """
    first, end = int(history.first[0]), int(history.last[0])
    seen = np.cumsum(history.observed[0])
    cuts = (end - CUT_STEP_DAYS * back for back in range(1, most_cuts + 1))
    enough = (cut for cut in cuts if cut - first + 1 >= days_before and 3 * seen[cut] >= 2 * days_before)
    return tuple(sorted(enough))


def within_recent_range(forecasts: NDArray[np.float64], origins: Origins) -> NDArray[np.float64]:
    """Forecasts (m, n, h) kept within the range of the 30 days before their origins (n).

    A level that was never seen lately is a memory of another time: a coffee at 38.65 for 39 days was forecast at 34.70.
    """
    lowest, highest = origins.recent_range
    return np.clip(forecasts, lowest[:, None], highest[:, None])
