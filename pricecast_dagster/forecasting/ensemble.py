"""The ensemble: from the members' forecasts to one price, and how far to leave the last price at all.

Belongs here: the kind of price, the members' weights. Not here: the past forecasts these are estimated from
(`validation`), settling on a price (`settling`, `hindsight`), and bands (`intervals`).

A forecast is the last price plus a weighted sum of the members' moves away from it. Weights are not negative and sum to at most
1; what is missing to 1 is the last price's own, so the weights say both whom to follow and how far. They are least squares of
what happened on what was forecast, at the SKU's own past origins, drawn to shipped weights (ridge; the shipped ones say how
it is with other products, and stay near the last price on sticky kinds, where nothing in common use beats it).
First the rules are weighed, on some hundred origins; then the learners, on the few weeks that were rehearsed, against the rules.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.recipe import AUTOREGRESSIVE, COMEBACK, DIRECT_LEVEL, DIRECT_STEP, POOLED, SMOOTHING, Kind
from pricecast_dagster.forecasting.settling import CAREFUL, NOISE
from pricecast_dagster.forecasting.validation import Rehearsal, Track

NOISY_BELOW: Final = 0.8
"""Noisy is a price whose smoothing has had less than this much of the last price's squared error. Measured: till averages 0.44 to
0.68 (5 to 95 %), boards and wholesale produce 1.0 to 1.3."""

NOISY_FROM_CHANGES: Final = 0.45
"""And that changes on at least this share of days. Shelf prices with promotions go back to a level too (0.5 to 1.2 of the last
price's error), but in steps: taken for noise, they are forecast 5 % worse. 0.45 instead of 0.25 made a sparse sample of grocery
tills 1.5 % better, where some products stay for weeks, and a gift shop's till averages no worse."""

_PRIOR: Final[dict[Kind, dict[str, float]]] = {
    Kind.NOISY: {SMOOTHING: 0.95, COMEBACK: 0.0, AUTOREGRESSIVE: 0.2, DIRECT_STEP: 0.0, DIRECT_LEVEL: 0.1},
    Kind.STICKY: {SMOOTHING: 0.1, COMEBACK: 0.3, AUTOREGRESSIVE: 0.0, DIRECT_STEP: 0.5, DIRECT_LEVEL: 0.0, POOLED: 0.2},
}
"""Learners' weights are of what is left to go from the rules' answer. Additional members begin at nothing, but for the pooled
one on sticky prices: it has been right on other products before it is weighed on this one. On noise 0.2 of it cost a gift shop's
till averages 0.5 % of RMSE and gained 1.6 % of WAPE, as members that learn absolute errors do; grocery tills gained 0.2 %."""

_RULES_PRIOR_FORTNIGHTS: Final[dict[Kind, float]] = {Kind.NOISY: 30.0, Kind.STICKY: 1.0}
_LEARNERS_PRIOR_FORTNIGHTS: Final[dict[Kind, float]] = {Kind.NOISY: 30.0, Kind.STICKY: 5.0}
"""On noise three rehearsals cannot tell learners apart, and six quiet fortnights say little of a sticky price: 0.5 of
`direct_step` on the trust of 5 fortnights instead of 0.3 of 2 took 1 to 3 % off the error on promotions. With 0.6 of 10 they gain
another 1 %, and prices that move for good are forecast 2 % worse than by the last value."""

_LEAST_WEIGHT: Final = 0.02
"""A learner with less is not worth its fit."""

_MOST_ROUNDS: Final = 200
_SETTLED: Final = 1e-9

_CALM: Final[dict[Kind, float]] = {Kind.NOISY: 3.0, Kind.STICKY: 0.2}


@dataclass(frozen=True, slots=True)
class Blend:
    """How members become one price.

    Attributes:
        kind: which learners may answer, and how soon to move.
        weights: member -> share of its move that is gone; sum at most 1, the rest stays at the last price.
        caution: what it takes to leave the last price, a name of settling.CAUTIONS.
    """

    kind: Kind
    weights: dict[str, float]
    caution: str

    @property
    def step(self) -> float:
        """How far the last price is left at all, 0 to 1; in whatever order the weights are."""
        return fsum(self.weights.values())

    def to_json(self) -> dict[str, Any]:
        """The blend as JSON types; `from_json` gives it back."""
        return {"kind": self.kind.value, "weights": dict(self.weights), "caution": self.caution}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """A blend from what `to_json` gave; of models of before, which have no caution, as without a past."""
        kind = Kind(document["kind"])
        weights = {name: float(weight) for name, weight in document["weights"].items()}
        return cls(kind, weights, document.get("caution", NOISE if kind is Kind.NOISY else CAREFUL))


def kind_of(track: Track, history: Panel) -> Kind:
    """Whether a price is noise around a level, or stays until it is changed; judged on all of its past.

    Args:
        track: of the rules.
        history: the panel of this SKU alone.
    """
    prices = history.price[0, history.observed[0]]
    changes = float(np.mean(prices[1:] != prices[:-1])) if len(prices) > 1 else 0.0
    level = track.forecasts[track.rules.index(SMOOTHING)]
    miss = np.where(track.counted, level - track.actual, 0.0)
    stay = np.where(track.counted, track.last[:, None] - track.actual, 0.0)
    noisy = changes >= NOISY_FROM_CHANGES and (miss**2).sum() < NOISY_BELOW * (stay**2).sum()
    return Kind.NOISY if noisy else Kind.STICKY


def weigh(track: Track, rehearsal: Rehearsal, kind: Kind, caution: str) -> Blend:
    """Estimate the weights from everything that is known.

    Args:
        track: of the rules.
        rehearsal: of the learners of this kind; with no origin the shipped weights serve.
        kind: of the price.
        caution: that its past speaks for, see `hindsight`.
    """
    weights = _blend(track, rehearsal, kind, track.counted, np.ones(len(rehearsal.columns), dtype=bool))
    return Blend(kind, weights, caution)


def held_out(track: Track, rehearsal: Rehearsal, kind: Kind) -> NDArray[np.float64]:
    """(k, h) moves that the model would have forecast at the rehearsed origins, by weights that know nothing of their days.

    Rules are weighed on the days before the cut, learners on the other cuts' origins. So scores and bands are not flattered.
    """
    moves = np.empty((len(rehearsal.columns), track.counted.shape[1]))
    for number, cut in enumerate(rehearsal.cuts):
        inside = rehearsal.block == number
        known = _blend(track, rehearsal, kind, track.known_at(cut), ~inside)
        columns = rehearsal.columns[inside]
        members = np.concatenate([track.forecasts[:, columns], rehearsal.forecasts[:, inside]])
        last = track.last[columns]
        weights = (known[name] for name in (*track.rules, *rehearsal.learners))
        moves[inside] = sum(
            (weight * (member - last[:, None]) for weight, member in zip(weights, members, strict=True)),
            start=np.zeros(members.shape[1:]),
        )
    return moves


def rules_alone(track: Track, kind: Kind, columns: NDArray[np.intp], piece: NDArray[np.intp]) -> NDArray[np.float64]:
    """(k, h) moves that the rules would have forecast from some days (k,), ascending, without any learner.

    Their weights know what had happened by the first day of each piece (k,) of days that are forecast by the same ones.
    """
    moves = np.empty((len(columns), track.counted.shape[1]))
    for number in np.unique(piece):
        inside = piece == number
        some = columns[inside]
        last = track.last[some]
        weights = _rule_weights(track, kind, track.known_at(int(some[0])))
        moves[inside] = sum(
            (weight * (forecast[some] - last[:, None]) for weight, forecast in zip(weights, track.forecasts, strict=True)),
            start=np.zeros((len(some), track.counted.shape[1])),
        )
    return moves


def _rule_weights(track: Track, kind: Kind, known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(r,) the weights of the rules, from the known days (n, h)."""
    last = np.broadcast_to(track.last[:, None], track.actual.shape)
    return _weights(track.forecasts, last, track, known, kind, track.rules, _RULES_PRIOR_FORTNIGHTS[kind])


def _blend(
    track: Track, rehearsal: Rehearsal, kind: Kind, known: NDArray[np.bool_], chosen: NDArray[np.bool_]
) -> dict[str, float]:
    """Weights from the known days of the track and the chosen origins of the rehearsal."""
    last = track.last[:, None]
    rules = _rule_weights(track, kind, known)
    answer = last + sum(weight * (forecast - last) for weight, forecast in zip(rules, track.forecasts, strict=True))
    columns = rehearsal.columns[chosen]
    rehearsed = track.of(columns)
    learners = _weights(
        rehearsal.forecasts[:, chosen],
        answer[columns],
        rehearsed,
        rehearsed.counted,
        kind,
        rehearsal.learners,
        _LEARNERS_PRIOR_FORTNIGHTS[kind],
    )
    learners = np.where(learners < _LEAST_WEIGHT, 0.0, learners)
    left = 1.0 - float(learners.sum())
    names = (*track.rules, *rehearsal.learners)
    return dict(zip(names, map(float, (*(rules * left), *learners)), strict=True))


def _weights(
    forecasts: NDArray[np.float64],
    base: NDArray[np.float64],
    past: Track,
    counted: NDArray[np.bool_],
    kind: Kind,
    names: Sequence[str],
    prior_fortnights: float,
) -> NDArray[np.float64]:
    """Ridge weights of the moves from a base, not negative, sum at most 1.

    Args:
        forecasts: (m, n, h).
        base: (n, h) what is moved away from.
        past: what happened from the n origins.
        counted: (n, h) the days that count.
        kind: whose prior and calm.
        names: of the members.
        prior_fortnights: what the prior counts for.

    Squared errors let the few windows with a large move decide; forecasts are judged by the root of a window's error. So a
    window counts by 1 / (its own error of the last price + calm x the usual one).
    """
    prior = np.array([_PRIOR[kind].get(name, 0.0) for name in names])
    errors = np.where(counted, past.actual - past.last[:, None], 0.0)
    count = counted.sum(axis=1)
    mean_squared = (errors**2).sum(axis=1) / np.maximum(count, 1)
    usual = float(np.sqrt(mean_squared[count > 0].mean())) if (count > 0).any() else 0.0
    if usual == 0.0 or not names:
        return prior
    calm = _CALM[kind]
    importance = (1 + calm) / (np.sqrt(mean_squared) / usual + calm) / counted.shape[1]
    scaled = np.where(counted, (forecasts - base) / usual, 0.0).reshape(len(names), -1)
    target = np.where(counted, (past.actual - base) / usual, 0.0).ravel()
    weighted = scaled * np.repeat(importance, counted.shape[1])
    # Sums of products and not a matrix product: BLAS may round by the number of its threads.
    products = np.array([[np.sum(one * other) for other in scaled] for one in weighted])
    targets = np.array([np.sum(one * target) for one in weighted])
    ridge = prior_fortnights * np.eye(len(names))
    return _not_negative(products + ridge, targets + prior_fortnights * prior, prior)


def _not_negative(products: NDArray[np.float64], targets: NDArray[np.float64], start: NDArray[np.float64]) -> NDArray[np.float64]:
    """Minimise x'Ax / 2 - b'x over x >= 0 by coordinate descent, then scale to a sum of at most 1."""
    weights = start.copy()
    for _ in range(_MOST_ROUNDS):
        before = weights.copy()
        for member in range(len(weights)):
            rest = targets[member] - products[member] @ weights + products[member, member] * weights[member]
            weights[member] = max(0.0, rest / products[member, member])
        if np.abs(weights - before).max(initial=0.0) < _SETTLED:
            break
    return weights / max(1.0, float(weights.sum()))
