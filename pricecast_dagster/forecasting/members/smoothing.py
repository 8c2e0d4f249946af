"""The smoothing member: a mixture of exponential smoothings of the price, from its last value to half a year's mean.

Belongs here: the levels, the weekday effects on them, and which of them have been right. Not here: whether the level has broken
off (`breaks`); where it has, all of them begin anew. Source: simple exponential smoothing
(Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., 8.1), mixed by their past errors as experts are
(Cesa-Bianchi and Lugosi, Prediction, Learning, and Games, 2006, ch. 2).

One rate chosen per SKU, as usual, is a hard gate: RMSE ratio to the last value .759 and .837 on two sets of till averages; mixed
by errors over the next fortnight in all of the past .742 and .833. Of that the weekday effects are .014 on the first set. Levels
are of observed days only: a price carried over a gap is no news (.758 against .761 for one memory of 30 days).

A day counts the more, the more was sold: a day's average of one sale is mostly chance. Counted by a power of the logarithm, WAPE
on a gift shop's till averages went from 17.2 % (power 0) to 16.9 (0.35) and 16.8 % (0.5) at the same RMSE, and to 16.7 % (1) at
an RMSE 0.4 % worse; generated shelf prices gained 0.4 %.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.members.breaks import LEVEL_MEMORY, broken
from pricecast_dagster.forecasting.members.decay import decayed, say
from pricecast_dagster.forecasting.members.protocol import Fitted
from pricecast_dagster.forecasting.origins import WEEK, Origins, weekday_offsets
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.recipe import SMOOTHING, Recipe
from pricecast_dagster.forecasting.samples import Samples

MEMORIES: Final = (2.0, 5.0, 12.0, 30.0, 70.0, 160.0)
"""Days after which an observation counts 1/e in a level."""

_WITH_WEEKDAYS: Final = 1
"""From this memory on a level is also tried with weekday effects; shorter ones follow the week by themselves."""

_OF_BREAKS: Final = MEMORIES.index(LEVEL_MEMORY)
"""The level that breaks are seen against."""

_WEEKDAY_MEMORY: Final = 150.0
_WEEKDAY_PRIOR: Final = 6.0
"""So many observations of a weekday must speak before half of their mean deviation is believed."""

JUDGED_DAYS: Final = 14

_SHARPNESS: Final = 35.0
_DOUBTED_ORIGINS: Final = 20.0

NAMES: Final = (
    "last",
    *(f"level_{memory:.0f}" for memory in MEMORIES),
    *(f"weekday_{memory:.0f}" for memory in MEMORIES[_WITH_WEEKDAYS:]),
)


class Smoothing:
    """The smoothing member."""

    name = SMOOTHING
    minimum_days = 1
    cost_milliseconds = 3.0

    def fit(self, samples: Samples, recipe: Recipe, seed: int) -> Fitted:
        """Weights of the levels by what they were off by on the days up to the cut."""
        history = samples.history.until(samples.history.days[samples.until])
        answers = _answers(history, JUDGED_DAYS)
        weights = _weights(answers, history)[:, -1]
        return Fitted(numbers=dict(zip(NAMES, map(float, weights), strict=True)))

    def track(self, history: Panel, horizon_days: int) -> NDArray[np.float64]:
        """What it would have forecast from every day of one SKU, each knowing nothing later.

        Returns:
            (n_days, horizon_days); NaN before the first observed day.
        """
        answers = _answers(history, horizon_days)
        weights = _weights(answers, history)
        return _mixed(answers, weights[:, :, None])

    def forecast(
        self, fitted: Sequence[Fitted], which: NDArray[np.intp], origins: Origins, horizon_days: int
    ) -> NDArray[np.float64]:
        """The mixed levels at each origin, with the weekdays of the days ahead."""
        rows, positions = np.unique(origins.rows, return_inverse=True)
        panel = origins.panel.select(rows)
        levels, effects = _levels(panel)
        offsets = weekday_offsets(horizon_days)
        at = (positions[:, None], slice(None), origins.columns[:, None])
        usual = levels[at][:, 0]
        chance, since = broken(panel, levels[:, _OF_BREAKS], positions, origins.columns)
        level = usual + chance[:, None] * (since[:, None] - usual)
        behind = np.maximum(origins.columns[:, None] - offsets, 0)
        effect = effects[positions[:, None], :, behind]
        flat = np.concatenate([origins.last[:, None], level], axis=1)[:, :, None]
        by_weekday = level[:, _WITH_WEEKDAYS:, None] + effect.transpose(0, 2, 1)
        answers = np.concatenate([np.repeat(flat, horizon_days, axis=2), by_weekday], axis=1)
        weights = np.array([[member.numbers[name] for name in NAMES] for member in fitted])[which]
        return _mixed(answers.transpose(1, 0, 2), weights.T[:, :, None])


def _levels(panel: Panel) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Levels (n, memories, days) and weekday effects (n, memories from `_WITH_WEEKDAYS` on, days) at the end of each day.

    The effect of a day is that of its own weekday. Everything is counted from the first price, so that a price that never moved
    has exactly its own level.
    """
    observed = say(panel)[:, None]
    begun = np.arange(panel.n_days) >= panel.first[:, None]
    start = panel.price[np.arange(panel.n_skus), np.minimum(panel.first, panel.n_days - 1)]
    moved = np.where(begun, panel.price - start[:, None], 0.0)[:, None]
    kept = np.exp(-1.0 / np.array(MEMORIES))[:, None]
    level = decayed(moved * observed, kept, 1) / np.maximum(decayed(observed, kept, 1), 1e-300)
    chosen = level[:, _WITH_WEEKDAYS:]
    surprise = np.zeros_like(chosen)
    surprise[..., 1:] = (moved[..., 1:] - chosen[..., :-1]) * observed[..., 1:]
    surprise[np.arange(panel.n_skus), :, np.minimum(panel.first, panel.n_days - 1)] = 0.0
    weekly = np.exp(-1.0 / _WEEKDAY_MEMORY)
    effect = decayed(surprise, weekly, WEEK) / (decayed(observed, weekly, WEEK) + _WEEKDAY_PRIOR)
    return start[:, None, None] + level, effect


def _answers(history: Panel, horizon_days: int) -> NDArray[np.float64]:
    """(experts, days, horizon) what each level says from each day of one SKU, in the order of NAMES."""
    levels, effects = _levels(history)
    offsets = weekday_offsets(horizon_days)
    columns = np.arange(history.n_days)
    chance, since = broken(history, levels[:, _OF_BREAKS], np.zeros_like(columns), columns)
    level = levels[0] + chance * (since - levels[0])
    behind = np.maximum(columns[:, None] - offsets, 0)
    flat = np.concatenate([history.price, level])
    by_weekday = level[_WITH_WEEKDAYS:, :, None] + effects[0][:, behind]
    return np.concatenate([np.repeat(flat[:, :, None], horizon_days, axis=2), by_weekday])


def _weights(answers: NDArray[np.float64], history: Panel) -> NDArray[np.float64]:
    """(experts, days) weights at the end of each day, by squared errors on the observed days up to it."""
    n_days = history.n_days
    errors = np.zeros(answers.shape[:2])
    counted = np.zeros(n_days)
    first = int(history.first[0])
    for ahead in range(1, min(answers.shape[2], n_days - 1) + 1):
        known = history.observed[0, ahead:] & (np.arange(n_days - ahead) >= first)
        miss = np.where(known, answers[:, :-ahead, ahead - 1] - history.price[0, ahead:], 0.0)
        errors[:, ahead:] += miss * miss
        counted[ahead:] += known
    errors = np.add.accumulate(errors, axis=1)
    count = np.add.accumulate(counted)
    floor = 0.01 * errors.mean(axis=0) + np.finfo(float).tiny
    ratio = (errors + floor) / (errors + floor).min(axis=0)
    origins = count / answers.shape[2]
    weights = ratio ** (-_SHARPNESS * origins / (origins + _DOUBTED_ORIGINS))
    return np.asarray(weights / weights.sum(axis=0))


def _mixed(answers: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weighted sum over the experts; one after the other, for a sum over an axis may round by the batch's size."""
    # Moves from the last price: experts who agree with it leave it exactly where it is.
    moves = np.zeros(answers.shape[1:])
    for answer, weight in zip(answers[1:], weights[1:], strict=True):
        moves += weight * (answer - answers[0])
    return np.asarray(answers[0] + moves)
