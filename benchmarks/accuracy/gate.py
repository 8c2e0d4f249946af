"""What must hold of the measured forecasts.

Belongs here: bounds and the verdicts on them. Not here: measuring.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.accuracy.sets import SYNTHETIC
from benchmarks.accuracy.tables import Result
from pricecast_dagster.forecasting.baselines import SIMPLE_METHODS
from pricecast_dagster.forecasting.comparison import OWN
from pricecast_dagster.schemas import LEVELS

MOST_RATIO: Final = {"online_retail": 0.74, "complete_journey": 0.82, SYNTHETIC: 0.78}
MOST_WAPE: Final = {"online_retail": 17.0, "complete_journey": 21.0}
_USUAL_HORIZON_DAYS: Final = 14
_COVERAGE_POINTS: Final = 3.0
_GROUP_POINTS: Final = 5.0
_BAD_POINTS: Final = 5.0
_NOISE: Final = 0.005
"""Ratios nearer than this are a tie: a bootstrap over products has a deviation of two to ten times as much."""


def verdicts(results: Sequence[Result]) -> Iterator[tuple[bool, str]]:
    """Each thing that must hold, whether it does, with the figure."""
    for result in results:
        own = result.points[OWN]
        usual = result.cases.horizon_days == _USUAL_HORIZON_DAYS
        if usual and result.name in MOST_RATIO:
            yield (
                own.ratio <= MOST_RATIO[result.name],
                f"{result.name}: RMSE ratio {own.ratio:.4f}, at most {MOST_RATIO[result.name]}",
            )
        if usual and result.name in MOST_WAPE:
            yield own.wape <= MOST_WAPE[result.name], f"{result.name}: WAPE {own.wape:.2f} %, at most {MOST_WAPE[result.name]}"
        yield from _against_others(result)
        yield from _bands(result)
        bad = result.knowable.beyond_chance
        yield bad <= _BAD_POINTS, f"{result.name}: bad products {bad:+.1f} points beyond chance, at most {_BAD_POINTS}"


def _against_others(result: Result) -> Iterator[tuple[bool, str]]:
    last = result.points["last value"]
    own = result.points[OWN]
    yield own.wape <= last.wape + 0.05, f"{result.name}: WAPE {own.wape:.2f} %, last value {last.wape:.2f} %"
    yield own.exact >= last.exact - 0.5, f"{result.name}: exact days {own.exact:.1f} %, last value {last.exact:.1f} %"
    for name, pair in result.pairs.items():
        if pair.ratio == pair.ratio:
            kind = "simple" if name in SIMPLE_METHODS else "peer"
            told = f"{result.name}: {pair.ratio:.3f} of {kind} {name} ({pair.low:.3f} to {pair.high:.3f})"
            yield pair.ratio <= 1 + _NOISE, told


def _bands(result: Result) -> Iterator[tuple[bool, str]]:
    bands = result.bands[OWN]
    for level, coverage, groups, width in zip(LEVELS, bands.coverage, bands.by_group, bands.width, strict=True):
        yield abs(coverage - level) <= _COVERAGE_POINTS, f"{result.name}: coverage of {level} % bands {coverage:.1f} %"
        worst = max(groups, key=lambda share: abs(share - level))
        told = f"{result.name}: coverage of {level} % bands by days ahead, worst {worst:.1f} %"
        yield abs(worst - level) <= _GROUP_POINTS, told
        if width == width:
            yield width < 1, f"{result.name}: width of {level} % bands {width:.3f} of the last value's own"
