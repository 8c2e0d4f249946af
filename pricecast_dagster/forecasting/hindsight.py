"""Hindsight: what the model of one SKU would have forecast from past days, and how cautious it should have been.

Belongs here: which past days are looked at, and the choice of a caution by them. Not here: the moves forecast there (`ensemble`),
what a caution means (`settling`), and what is concluded for bands (`evidence`) and scores (`scores`).

A price that moves four times a year shows little in the weeks that were rehearsed, and noise not how its tails are: so the days
before join them, forecast by the rules alone, which cost nothing to follow through the whole past.

How soon a sticky price should be left is a question that its own past answers best. One threshold for all products loses
either exact days where deals come and go or squared error where promotions are long; see docs/accuracy.md for both.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.ensemble import held_out, rules_alone
from pricecast_dagster.forecasting.recipe import Kind
from pricecast_dagster.forecasting.settling import BOLD, CAREFUL, NOISE, READY, STICKY_CAUTIONS, STILL, WARY, settled
from pricecast_dagster.forecasting.validation import CUT_STEP_DAYS, VALIDATED_DAYS, Rehearsal, Track

_LONGEST_DAYS: Final = 730
"""Two years before the first rehearsal: each season twice, and no more than a model can carry along."""

_PIECE_DAYS: Final = 4 * CUT_STEP_DAYS
"""Rules are weighed anew after so many days of the early past."""

_EXPECTED: Final = {STILL: (1.0, 0.0), WARY: (0.96, -0.003), CAREFUL: (0.95, -0.006), READY: (0.94, -0.01), BOLD: (0.935, -0.018)}
"""What each caution brought on other products: RMSE over the last value's, and share of exactly right days less its."""

_EXPECTED_FORTNIGHTS: Final = 12.0
"""What that counts for against a SKU's own past."""

_WORTH_OF_EXACT: Final = 3.0
"""A hundredth of the days exactly right is worth so many hundredths of the last value's RMSE. With 2, sticky kinds lose 0.2
points of exact days against the last value in the mean and up to 1.7, with 4 none and up to 1.1 for 0.2 % more RMSE."""


@dataclass(frozen=True, eq=False)
class Hindsight:
    """Past forecasts of one SKU; k origins, h days ahead.

    Attributes:
        columns: (k,) origins, ascending.
        block: (k,) which fit or weights stand behind each, negative where it is the rules'.
        forecasts: (k, h) by weights and a caution that knew nothing of the days.
        rehearsed: how many of the origins, the last ones, were forecast by the whole model.
        caution: that all of it speaks for.
    """

    columns: NDArray[np.intp]
    block: NDArray[np.intp]
    forecasts: NDArray[np.float64]
    rehearsed: int
    caution: str


def hindsight(track: Track, rehearsal: Rehearsal, kind: Kind) -> Hindsight:
    """Look back.

    Args:
        track: of the rules.
        rehearsal: of the learners of this kind.
        kind: of the price.
    """
    columns, block, moves = _past_moves(track, rehearsal, kind)
    some = track.of(columns)
    names = STICKY_CAUTIONS if kind is Kind.STICKY else (NOISE,)
    answers = np.stack([settled(some.last, some.before, moves, some.stays, [name] * len(columns)) for name in names])
    if kind is Kind.NOISY:
        return Hindsight(columns, block, answers[0], len(rehearsal.columns), NOISE)
    preferred = _preferred(answers, some)
    forecasts = np.empty_like(moves)
    for number in np.unique(block):
        inside = block == number
        forecasts[inside] = answers[preferred[_over(columns, columns[inside][0])], inside]
    caution = STICKY_CAUTIONS[preferred[_over(columns, len(track.last) - 1)]]
    return Hindsight(columns, block, forecasts, len(rehearsal.columns), caution)


def _past_moves(track: Track, rehearsal: Rehearsal, kind: Kind) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """The origins (k,) that are looked at, the block of each (k,), and the moves (k, h) forecast from there."""
    columns, block, moves = rehearsal.columns, rehearsal.block, held_out(track, rehearsal, kind)
    counted = np.flatnonzero(track.counted.any(axis=1))
    until = int(columns[0]) if len(columns) else len(track.last)
    early = counted[(counted < until) & (counted >= until - _LONGEST_DAYS)]
    piece = -1 - (until - 1 - early) // _PIECE_DAYS
    earlier = rules_alone(track, kind, early, piece)
    return np.concatenate([early, columns]), np.concatenate([piece, block]), np.concatenate([earlier, moves])


def _over(columns: NDArray[np.intp], day: int) -> int:
    """How many of the origins, ascending, are so old that their fortnight was over on a day."""
    return int(np.searchsorted(columns, day - VALIDATED_DAYS, side="right"))


def _preferred(answers: NDArray[np.float64], past: Track) -> NDArray[np.intp]:
    """(k + 1,) position of the caution that the first 0, 1 ... k origins speak for.

    Args:
        answers: (cautions, k, h) what each would have forecast.
        past: what happened from the origins.
    """
    counted = past.counted
    days = np.maximum(counted.sum(axis=1), 1)
    seen = counted.any(axis=1) / counted.shape[1]
    errors = np.where(counted, answers - past.actual, 0.0)
    rmse = np.sqrt((errors * errors).sum(axis=2) / days)
    exact = ((errors == 0) & counted).sum(axis=2) / counted.shape[1] ** 2
    fortnights = _summed(seen)
    usual = _summed(rmse[0] / counted.shape[1]) / np.maximum(fortnights, np.finfo(float).tiny)
    costs = []
    for position, name in enumerate(STICKY_CAUTIONS):
        expected_ratio, expected_exact = _EXPECTED[name]
        own = _summed(rmse[position] / counted.shape[1])
        ratio = np.divide(own, usual, out=fortnights.copy(), where=usual > 0)
        gained = _summed(exact[position]) - _summed(exact[0])
        whole = fortnights + _EXPECTED_FORTNIGHTS
        costs.append(
            (ratio + _EXPECTED_FORTNIGHTS * expected_ratio) / whole
            - _WORTH_OF_EXACT * (gained + _EXPECTED_FORTNIGHTS * expected_exact) / whole
        )
    return np.asarray(np.argmin(np.stack(costs), axis=0))


def _summed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(k + 1,) sums of the first 0, 1 ... k."""
    return np.concatenate([[0.0], np.add.accumulate(values)])
