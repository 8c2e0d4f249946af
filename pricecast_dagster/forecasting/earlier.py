"""Earlier: how the errors of a noisy price were spread about their own scale, in all the weeks before those that were rehearsed.

Belongs here: the scores of that past. Not here: forecasting it (`hindsight`), how large errors are now (`past_errors.scale`), and
the bands (`intervals`).

How large errors are changes with the months; how they are spread about that is the product's own: bulk sales, sizes, chance. So
the weeks before the rehearsed ones say nothing of the scale of bands, and much of their tails. They are cut into spans as long as
what is rehearsed, and each is scored as that is: by fortnight, over the scale of the others.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.past_errors import Errors, own_scores, recent_spread, weighted_quantiles
from pricecast_dagster.forecasting.recipe import Kind
from pricecast_dagster.forecasting.validation import CUT_STEP_DAYS, MOST_CUTS, VALIDATED_DAYS, Track

_MOST_DAYS: Final = 100
"""What all of them count for at most. With 20 the tails of generated tills are held by one point too much, with 160 those of
grocery tills by two too little; Winkler scores differ by less than 1 %."""

_SPAN_DAYS: Final = MOST_CUTS[Kind.NOISY] * CUT_STEP_DAYS


def earlier_scores(track: Track, columns: NDArray[np.intp], errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores of the past before the rehearsals, by whole spans counted back from its end.

    Args:
        track: of the rules.
        columns: (k,) past origins, ascending.
        errors: (k, h) forecast less actual from there; NaN where nothing is known.

    Returns:
        (s,) ascending quantiles of the scores, each of which counts for a day: as many as there are known days, at most 100; none
        where there is less than a span.
    """
    if not len(columns):
        return np.zeros(0)
    ago = columns[-1] - columns
    scores, weights, days = [np.zeros(0)], [np.zeros(0)], 0
    for span in range((int(ago[0]) + 1) // _SPAN_DAYS):
        inside = ago // _SPAN_DAYS == span
        end = int(columns[-1]) - span * _SPAN_DAYS + VALIDATED_DAYS
        spread = recent_spread(_observed(track, end))
        side = np.zeros(int(inside.sum()), dtype=np.intp)
        past = Errors(errors[inside], ago[inside] // CUT_STEP_DAYS, side, Kind.NOISY, spread)
        scores.append(own_scores(past))
        weights.append(np.full(len(scores[-1]), past.weight))
        days += past.days
    if not days:
        return np.zeros(0)
    counted, count = np.concatenate(weights), min(days, _MOST_DAYS)
    middle = (np.arange(count) + 0.5) / count * counted.sum()
    return weighted_quantiles(np.concatenate(scores), counted, middle)


def _observed(track: Track, end: int) -> NDArray[np.float64]:
    """The observed prices of the days up to a column, without those of a beginner."""
    return track.last[1 : end + 1][track.counted[:end, 0]]
