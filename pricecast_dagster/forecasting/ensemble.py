"""The ensemble: from the members' forecasts to one price, and how far to leave the last price at all.

Belongs here: the kind of price, the members' weights, the step away from the last price, the snap back to it. Not here: the past
forecasts these are estimated from (`validation`), and bands (`intervals`).

Two questions are answered one after the other, both from past multi-step errors of the SKU alone. Which members are right:
soft weights, for hard gates cost accuracy (RMSE ratio .768 against .733 on till averages). And how far to go: on most shelf
prices nothing beats the last one, so the blend is only followed as far as the past supports, with a prior that says "stay".
"""

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.origins import trailing_mean
from pricecast_dagster.forecasting.recipe import DIRECT_STEP, SMOOTHING
from pricecast_dagster.forecasting.samples import LEVEL_DAYS, Samples
from pricecast_dagster.forecasting.validation import VALIDATED_DAYS, Validation

SNAP_SHARE: Final = 0.02
"""A forecast this near the last price is the last price."""

NOISY_RATIO: Final = 0.8

# What other products' pasts say about how far to follow a blend: estimated on many SKUs, shipped as constants, so that a
# SKU's forecast never depends on its neighbours.
_PRIOR_STEP: Final = {"sticky": 0.3, "noisy": 0.9}
_PRIOR_MOVE: Final = 0.004
_PRIOR_ORIGINS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Blend:
    """How members become one price.

    Attributes:
        kind: sticky or noisy, which says who may answer and how soon to move.
        weights: per member of the recipe, sum 1.
        step: share of the way from the last price to the blend that is gone, 0 to 1.
    """

    kind: str
    weights: tuple[float, ...]
    step: float

    def to_json(self) -> dict[str, Any]:
        """The blend as JSON types; `from_json` gives it back."""
        return {"kind": self.kind, "weights": list(self.weights), "step": self.step}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """A blend from what `to_json` gave."""
        return cls(document["kind"], tuple(map(float, document["weights"])), float(document["step"]))


def kind_of(samples: Samples) -> str:
    """Whether a price is noise around a level, or stays until it is changed.

    Judged on all of its past: noisy is where the mean of the last 28 days has been nearer to the days of the next fortnight than
    the last price, by squared error.
    """
    history, end = samples.history, samples.until
    first = int(history.first[0])
    columns = np.arange(first, end)
    lags = samples.everywhere.price_lags[:, first:end]
    level = trailing_mean(lags, LEVEL_DAYS)
    squares = np.zeros(2)
    for ahead in range(1, VALIDATED_DAYS + 1):
        targets = columns + ahead
        counted = (targets <= end) & history.observed[0, np.minimum(targets, end)]
        actual = history.price[0, targets[counted]]
        squares += [((actual - level[counted]) ** 2).sum(), ((actual - lags[0, counted]) ** 2).sum()]
    return "noisy" if squares[0] < NOISY_RATIO * squares[1] else "sticky"


def weigh(validation: Validation, members: tuple[str, ...], kind: str) -> Blend:
    """Estimate the blend from past forecasts.

    Weights: w ~ (m / min m)^(-2N/(N+8)) with m the member's mean squared error and N the observed days. Step: least squares of
    the moves that happened on the moves that were forecast, with a prior (empirical Bayes).

    Without past forecasts the eligible members weigh the same and the step is the prior's.
    """
    eligible = np.array([kind == "noisy" or name in (DIRECT_STEP, SMOOTHING) for name in members])
    counted = validation.observed
    days = len(np.unique((validation.columns[:, None] + np.arange(counted.shape[1]))[counted]))
    errors = np.where(counted[:, None], validation.forecasts - np.nan_to_num(validation.actual)[:, None], 0.0)
    weights = _weights((errors**2).sum(axis=(0, 2)) / max(counted.sum(), 1), days, eligible)
    blend = np.einsum("kmh,m->kh", validation.forecasts, weights)
    moves = np.where(counted, (blend - validation.last[:, None]) / validation.last[:, None], 0.0)
    happened = np.where(counted, (np.nan_to_num(validation.actual) / validation.last[:, None]) - 1, 0.0)
    scale = days / max(counted.sum(), 1)
    prior = _PRIOR_ORIGINS * _PRIOR_MOVE * 14
    step = (scale * (moves * happened).sum() + prior * _PRIOR_STEP[kind]) / (scale * (moves**2).sum() + prior)
    return Blend(kind, tuple(map(float, weights)), float(np.clip(step, 0, 1)))


def held_out(validation: Validation, members: tuple[str, ...], kind: str) -> NDArray[np.float64]:
    """(k, h) what the model would have forecast at past origins, its weights and step estimated on the other blocks.

    So a block's days have no say in the forecast of themselves, and scores and bands are not flattered.
    """
    forecasts = np.empty(validation.observed.shape)
    for block in np.unique(validation.block):
        inside = validation.block == block
        blend = weigh(validation.of(~inside), members, kind)
        count = int(inside.sum())
        forecasts[inside] = combine(
            validation.forecasts[inside],
            validation.last[inside],
            np.tile(blend.weights, (count, 1)),
            np.full(count, blend.step),
        )
    return forecasts


def combine(
    forecasts: NDArray[np.float64], last: NDArray[np.float64], weights: NDArray[np.float64], step: NDArray[np.float64]
) -> NDArray[np.float64]:
    """One price from the members'.

    Args:
        forecasts: (n, m, h), within the recent range.
        last: (n,) last prices.
        weights: (n, m).
        step: (n,).

    Returns:
        (n, h), exactly the last price where the forecast is within 2 % of it.
    """
    moves = np.zeros((len(forecasts), forecasts.shape[2]))
    # Member by member: an einsum over a batch may round by the batch's size.
    for member in range(forecasts.shape[1]):
        moves += weights[:, member, None] * (forecasts[:, member] - last[:, None])
    moves *= step[:, None]
    return np.where(np.abs(moves) <= SNAP_SHARE * last[:, None], last[:, None], last[:, None] + moves)


def _weights(mean_squared: NDArray[np.float64], days: int, eligible: NDArray[np.bool_]) -> NDArray[np.float64]:
    errors = mean_squared + 1e-6 + 0.02 * mean_squared[eligible].mean()
    weights = np.where(eligible, (errors / errors[eligible].min()) ** (-2 * days / (days + 8)), 0.0)
    return np.asarray(weights / weights.sum())
