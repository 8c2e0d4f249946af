"""The tables as Markdown.

Belongs here: rows and columns. Not here: scores (`scoring`, `pairs`), and what must hold (`gate`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.accuracy.answers import Answer
from benchmarks.accuracy.pairs import Knowable, Pair, knowable, pair
from benchmarks.accuracy.scoring import GROUPS, BandScores, PointScores, band_scores, point_scores, rmse_of
from benchmarks.accuracy.sets import Cases
from pricecast_dagster.forecasting.baselines import SIMPLE_METHODS
from pricecast_dagster.forecasting.comparison import OWN

_POINTS: Final = ("method", "cases", "RMSE ratio", "held out", "WAPE %", "exact days %", "worse cases %")
_BANDS: Final = ("method", "coverage 80", "by days ahead", "coverage 95", "by days ahead", "width 80", "width 95")
_LOSSES: Final = ("quantile loss", "Winkler 80", "Winkler 95")
_PAIRS: Final = ("against", "ratio", "95 % interval", "products better %", "Wilcoxon p")


@dataclass(frozen=True)
class Result:
    """Everything that is known of one set; methods in the order of the tables, pricecast first."""

    name: str
    cases: Cases
    points: dict[str, PointScores]
    counts: dict[str, int]
    bands: dict[str, BandScores]
    pairs: dict[str, Pair]
    knowable: Knowable


def result_of(name: str, cases: Cases, answers: dict[str, Answer]) -> Result:
    """Score every method on one set; a method that answers some of the cases only is scored, and met, on those."""
    points, counts, bands, pairs = {}, {}, {}, {}
    for method, answer in answers.items():
        answered = np.asarray(np.isfinite(answer.price).all(axis=1))
        some, theirs = cases.where(answered), {other: each.where(answered) for other, each in answers.items()}
        points[method], counts[method] = point_scores(some, theirs, method), int(answered.sum())
        own_bands = band_scores(some, theirs, method)
        if own_bands is not None:
            bands[method] = own_bands
        if method != OWN:
            pairs[method] = pair(rmse_of(some, theirs[OWN]), rmse_of(some, theirs[method]), some.skus)
    errors = {method: rmse_of(cases, answers[method]) for method in (OWN, *SIMPLE_METHODS)}
    return Result(name, cases, points, counts, bands, pairs, knowable(errors, OWN, cases.skus, cases.origins))


def page(results: Sequence[Result]) -> str:
    """All tables of all sets."""
    return "\n".join(line for result in results for line in (*_of_set(result), ""))


def overview(results: Sequence[Result]) -> str:
    """One line a set: our own scores beside the best of the others."""
    head = (
        "set",
        "products",
        "RMSE ratio",
        "best simple",
        "best peer",
        "WAPE %",
        "exact %",
        "coverage 80/95",
        "width 80/95",
        "bad %",
    )
    rows = []
    for result in results:
        own, bands = result.points[OWN], result.bands[OWN]
        simple = {name: result.points[name].ratio for name in SIMPLE_METHODS}
        peers = {name: scores.ratio for name, scores in result.points.items() if name not in (OWN, *SIMPLE_METHODS)}
        full = {name: ratio for name, ratio in peers.items() if result.counts[name] == result.counts[OWN]}
        rows.append(
            (
                result.name,
                str(len(np.unique(result.cases.skus))),
                _number(own.ratio),
                _best(simple),
                _best(full),
                f"{own.wape:.1f} ({result.points['last value'].wape:.1f})",
                f"{own.exact:.1f} ({result.points['last value'].exact:.1f})",
                " / ".join(f"{share:.1f}" for share in bands.coverage),
                " / ".join(map(_number, bands.width)),
                f"{result.knowable.seen:.1f} ({result.knowable.chance:.1f})",
            )
        )
    return "\n".join(_table(head, rows))


def _of_set(result: Result) -> Iterator[str]:
    groups = [f"{first}-{last}" for first, last in GROUPS[result.cases.horizon_days]]
    yield f"### {result.name}, {result.cases.horizon_days} days ahead"
    yield ""
    head = (*_POINTS, *(f"days {group}" for group in groups))
    yield from _table(head, (_point_row(name, result.counts[name], scores) for name, scores in result.points.items()))
    yield ""
    yield from _table((*_BANDS, *_LOSSES), (_band_row(name, scores) for name, scores in result.bands.items()))
    yield ""
    yield from _table(_PAIRS, (_pair_row(name, scores) for name, scores in result.pairs.items()))
    yield ""
    known = result.knowable
    yield (
        f"Products more than 5 % worse than the simple method one could have known to be best: {known.seen:.1f} %; "
        f"by chance {known.chance:.1f} %; beyond chance {known.beyond_chance:+.1f} points."
    )


def _point_row(name: str, count: int, scores: PointScores) -> tuple[str, ...]:
    shares = (f"{scores.wape:.2f}", f"{scores.exact:.1f}", f"{scores.worse:.0f}")
    return (name, str(count), _number(scores.ratio), _number(scores.held_out), *shares, *map(_number, scores.by_group))


def _band_row(name: str, scores: BandScores) -> tuple[str, ...]:
    coverage = []
    for overall, groups in zip(scores.coverage, scores.by_group, strict=True):
        coverage += [f"{overall:.1f}", " / ".join(f"{share:.1f}" for share in groups)]
    return (name, *coverage, *map(_number, (*scores.width, scores.quantile_loss, *scores.winkler)))


def _pair_row(name: str, scores: Pair) -> tuple[str, ...]:
    interval = f"{_number(scores.low)} to {_number(scores.high)}"
    return (name, _number(scores.ratio), interval, f"{scores.better:.0f}", f"{scores.p_value:.2g}")


def _best(ratios: dict[str, float]) -> str:
    known = {name: ratio for name, ratio in ratios.items() if np.isfinite(ratio)}
    name = min(known, key=lambda each: known[each], default="")
    return f"{_number(known[name])} {name}" if name else ""


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "-"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "| --- |" + " ---: |" * (len(head) - 1)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
