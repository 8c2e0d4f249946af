"""Drift: whether recent days look like those a model was made from.

Belongs here: Kolmogorov-Smirnov and PSI of many series at once, how much independent evidence they rest on, the correction for
looking at many. Not here: which series are compared (`operations.drifting`), shifts of errors (`shift`), what follows (`policy`).

Daily prices repeat themselves: thirty days at two prices are two observations rather than thirty. The KS test is therefore read
with the number of independent observations that the series' autocorrelation leaves; at its face value it calls every second
quiet product drifting.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

BINS: Final = 5
LONGEST_LAG: Final = 14
SMALL_SAMPLE: Final = 8.0
"""Independent observations; under this a sample is called small and never drifting."""

LARGE_PSI: Final = 0.25
"""Above it a distribution is usually said to have moved; here beyond what so small a sample gives by chance."""

FALSE_SHARE: Final = 0.01
"""Share of false discoveries among all that are found."""


@dataclass(frozen=True, slots=True, eq=False)
class Drift:
    """Comparison of n series.

    Attributes:
        statistic: (n,) largest distance between the two distribution functions, 0..1.
        p_value: (n,) of the KS test with the independent observations; 1 where a sample is small or a series never moved.
        psi: (n,) population stability index over quantile bins of the past; usual_psi: (n,) what chance alone gives.
        independent: (n,) independent observations of the recent days.
        small: (n,) whether those are too few to say anything.
    """

    statistic: Values
    p_value: Values
    psi: Values
    usual_psi: Values
    independent: Values
    small: NDArray[np.bool_]

    def moved(self, false_share: float = FALSE_SHARE) -> NDArray[np.bool_]:
        """(n,) which have drifted: beyond chance after the correction for looking at n of them, and by enough to matter."""
        return discoveries(self.p_value, false_share) & (self.psi > LARGE_PSI + self.usual_psi)


def compare(past: Values, recent: Values) -> Drift:
    """Compare recent days of n series with their past.

    Args:
        past: (n, p) in order of time, NaN where unknown.
        recent: (n, r) the days after, the same.
    """
    statistic = _distance(past, recent)
    many, few = _independent(past), _independent(recent)
    constant = _is_constant(np.concatenate([past, recent], axis=1))
    small = (few < SMALL_SAMPLE) | (many < SMALL_SAMPLE)
    effective = np.sqrt(many * few / np.maximum(many + few, 1e-12))
    p_value = np.where(small | constant, 1.0, _kolmogorov(effective * statistic))
    usual = (BINS - 1) * (1 / np.maximum(few, 1) + 1 / np.maximum(many, 1))
    return Drift(statistic, p_value, _psi(past, recent), usual, few, small & ~constant)


def discoveries(p_values: Values, false_share: float) -> NDArray[np.bool_]:
    """Which p-values stand after the correction of Benjamini and Yekutieli (2001), which holds whatever their dependence.

    Features of one product hang together, and so do products of one shop. Of 350,000 looks at quiet series the expected number of
    false findings is that share of all findings, not of all looks.
    """
    count = p_values.size
    if not count:
        return np.zeros(p_values.shape, dtype=np.bool_)
    flat = p_values.ravel()
    order = np.argsort(flat, kind="stable")
    harmonic = np.log(count) + np.euler_gamma + 1 / (2 * count)
    allowed = false_share * np.arange(1, count + 1) / (count * harmonic)
    below = np.flatnonzero(flat[order] <= allowed)
    found = np.zeros(count, dtype=np.bool_)
    if len(below):
        found[order[: below[-1] + 1]] = True
    return found.reshape(p_values.shape)


def _distance(past: Values, recent: Values) -> Values:
    """(n,) the two-sample KS statistic of each row."""
    both = np.concatenate([past, recent], axis=1)
    is_past = np.zeros(both.shape, dtype=np.bool_)
    is_past[:, : past.shape[1]] = True
    order = np.argsort(both, axis=1, kind="stable")  # NaN last
    ordered = np.take_along_axis(both, order, axis=1)
    from_past = np.take_along_axis(is_past, order, axis=1)
    known = np.isfinite(ordered)
    of_past, of_recent = known & from_past, known & ~from_past
    share_past = np.cumsum(of_past, axis=1) / np.maximum(of_past.sum(axis=1, keepdims=True), 1)
    share_recent = np.cumsum(of_recent, axis=1) / np.maximum(of_recent.sum(axis=1, keepdims=True), 1)
    # Only where a value ends: within equal ones the steps are in any order.
    last_of_value = np.ones(ordered.shape, dtype=np.bool_)
    last_of_value[:, :-1] = ordered[:, 1:] != ordered[:, :-1]
    return np.asarray(np.where(last_of_value & known, np.abs(share_past - share_recent), 0.0).max(axis=1, initial=0.0))


def _independent(values: Values) -> Values:
    """(n,) independent observations: days over 1 + 2 sum of the autocorrelations, those after the first negative one left out."""
    known = np.isfinite(values)
    count = known.sum(axis=1)
    centred = np.where(known, values - _row_mean(values, known)[:, None], 0.0)
    variance = (centred * centred).sum(axis=1)
    total = np.ones(len(values))
    going = variance > 0
    for lag in range(1, min(LONGEST_LAG, values.shape[1] - 1) + 1):
        covariance = (centred[:, lag:] * centred[:, :-lag]).sum(axis=1)
        correlation = covariance / np.where(variance > 0, variance, 1.0)
        going = going & (correlation > 0)
        total += 2 * np.where(going, correlation, 0.0)
    return np.asarray(np.where(variance > 0, count / total, np.minimum(count, 1.0 * count / (1 + 2 * LONGEST_LAG))))


def _psi(past: Values, recent: Values) -> Values:
    """(n,) sum of (recent share - past share) * log of their ratio, over bins at the past's quantiles."""
    known = np.isfinite(past)
    ordered = np.sort(past, axis=1)  # NaN last
    count = known.sum(axis=1)
    positions = (np.arange(1, BINS) / BINS)[None, :] * np.maximum(count - 1, 0)[:, None]
    edges = np.take_along_axis(ordered, positions.astype(np.intp), axis=1)
    shares = [_shares(values, edges) for values in (past, recent)]
    return np.asarray(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum(axis=1))


def _shares(values: Values, edges: Values) -> Values:
    """(n, BINS) share of each row's known values in each bin, half an observation added to each bin."""
    known = np.isfinite(values)
    above = np.stack([(known & (values > edges[:, [edge]])).sum(axis=1) for edge in range(edges.shape[1])], axis=1)
    count = known.sum(axis=1, keepdims=True)
    upper = np.concatenate([count, above], axis=1)
    lower = np.concatenate([above, np.zeros_like(count)], axis=1)
    return np.asarray((upper - lower + 0.5) / (count + 0.5 * BINS))


def _row_mean(values: Values, known: NDArray[np.bool_]) -> Values:
    return np.asarray(np.where(known, values, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1))


def _is_constant(values: Values) -> NDArray[np.bool_]:
    known = np.isfinite(values)
    lowest = np.where(known, values, np.inf).min(axis=1, initial=np.inf)
    highest = np.where(known, values, -np.inf).max(axis=1, initial=-np.inf)
    return np.asarray(lowest >= highest)


def _kolmogorov(scaled: Values) -> Values:
    """Upper tail of Kolmogorov's distribution: the limit of the two-sample test."""
    from scipy.stats import kstwobign

    return np.asarray(kstwobign.sf(scaled))
