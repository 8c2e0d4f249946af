"""Scores of one method on one set.

Belongs here: errors and bands of all cases, overall and by days ahead. Not here: two methods against each other (`pairs`).

Ratios are of means over cases (product and origin): RMSE over that of the last value; widths, quantile loss and Winkler score
over those of the last value's own conformal bands. WAPE is of all days together.
"""

from dataclasses import dataclass
from typing import Final, SupportsFloat

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.answers import LAST, Answer
from benchmarks.accuracy.sets import Cases, held_out
from pricecast_dagster.forecasting import metrics
from pricecast_dagster.forecasting.comparison import WORSE_SHARE
from pricecast_dagster.schemas import LEVELS

GROUPS: Final = {14: ((1, 3), (4, 7), (8, 14)), 28: ((1, 7), (8, 14), (15, 28)), 60: ((1, 14), (15, 28), (29, 60))}
"""Days ahead that are looked at together, by horizon."""

_CENT: Final = 0.005


@dataclass(frozen=True, slots=True)
class PointScores:
    """Of the prices: `ratio` and `held_out` to the last value (all products, those held out), shares and WAPE in percent.

    `by_group` is the ratio of the root mean squared errors of each group of days ahead.
    """

    ratio: float
    held_out: float
    wape: float
    exact: float
    worse: float
    by_group: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class BandScores:
    """Of the bands, by level: `coverage` and `by_group` in percent; `width` and `winkler` as ratios to the last value's.

    `quantile_loss` is the ratio of the mean loss of the median and the bands' ends.
    """

    coverage: tuple[float, ...]
    by_group: tuple[tuple[float, ...], ...]
    width: tuple[float, ...]
    winkler: tuple[float, ...]
    quantile_loss: float


def rmse_of(cases: Cases, answer: Answer) -> NDArray[np.float64]:
    """(n,) RMSE of each case."""
    return metrics.rmse(cases.actual, answer.price, cases.counted)


def point_scores(cases: Cases, answers: dict[str, Answer], name: str) -> PointScores:
    """Scores of one method's prices."""
    answer, last = answers[name], answers[LAST]
    own, naive = rmse_of(cases, answer), rmse_of(cases, last)
    kept = held_out(cases.skus)
    exact = np.abs(answer.price - cases.actual) < _CENT
    groups = (_in_group(cases, group) for group in GROUPS[cases.horizon_days])
    return PointScores(
        ratio=_ratio(own.mean(), naive.mean()),
        held_out=_ratio(own[kept].mean(), naive[kept].mean()),
        wape=100 * float(metrics.wape(cases.actual.ravel(), answer.price.ravel(), cases.counted.ravel())),
        exact=100 * float(exact[cases.counted].mean()),
        worse=100 * float((own > naive * (1 + WORSE_SHARE)).mean()),
        by_group=tuple(
            _ratio(
                np.nanmean(metrics.rmse(cases.actual, answer.price, counted)),
                np.nanmean(metrics.rmse(cases.actual, last.price, counted)),
            )
            for counted in groups
        ),
    )


def band_scores(cases: Cases, answers: dict[str, Answer], name: str) -> BandScores | None:
    """Scores of one method's bands; None where it has none."""
    answer, last = answers[name], answers[LAST]
    if answer.bands is None or last.bands is None:
        return None
    groups = [_in_group(cases, group) for group in GROUPS[cases.horizon_days]]
    return BandScores(
        coverage=tuple(_coverage(cases, bands, cases.counted) for bands in answer.bands),
        by_group=tuple(tuple(_coverage(cases, bands, counted) for counted in groups) for bands in answer.bands),
        width=tuple(
            _ratio(_mean_width(cases, own), _mean_width(cases, other))
            for own, other in zip(answer.bands, last.bands, strict=True)
        ),
        winkler=tuple(
            _ratio(_winkler(cases, own, level), _winkler(cases, other, level))
            for own, other, level in zip(answer.bands, last.bands, LEVELS, strict=True)
        ),
        quantile_loss=_ratio(_quantile_loss(cases, answer), _quantile_loss(cases, last)),
    )


def _in_group(cases: Cases, group: tuple[int, int]) -> NDArray[np.bool_]:
    ahead = np.arange(1, cases.horizon_days + 1)
    return np.asarray(cases.counted & (ahead >= group[0]) & (ahead <= group[1]))


def _coverage(cases: Cases, bands: NDArray[np.float64], counted: NDArray[np.bool_]) -> float:
    flat = (values.ravel() for values in (cases.actual, *bands, counted))
    return 100 * float(metrics.coverage(*flat))


def _mean_width(cases: Cases, bands: NDArray[np.float64]) -> float:
    return float((bands[1] - bands[0])[cases.counted].mean())


def _winkler(cases: Cases, bands: NDArray[np.float64], level: int) -> float:
    return float(metrics.winkler(cases.actual, bands[0], bands[1], cases.counted, level=level / 100).mean())


def _quantile_loss(cases: Cases, answer: Answer) -> float:
    """Mean pinball loss over the median and both ends of every band."""
    assert answer.bands is not None
    quantiles = [(0.5, answer.price)]
    for (lower, upper), level in zip(answer.bands, LEVELS, strict=True):
        quantiles += [(0.5 - level / 200, lower), (0.5 + level / 200, upper)]
    losses = [metrics.pinball(cases.actual, price, cases.counted, probability=share) for share, price in quantiles]
    return float(np.mean(losses))


def _ratio(own: SupportsFloat, other: SupportsFloat) -> float:
    """NaN where there is nothing to divide by, as on a price that never moved."""
    return float(own) / float(other) if float(other) > 0 else float("nan")
