"""Fitting the pooled model: one LightGBM of all products together, for every fortnight of the recent past.

Belongs here: what it learns from, the calendar of its cuts, fitting it. Not here: what is fitted (`pooled`), its place among a
product's members (`members.pooled`), when it is made (`operations.pooling`).

A product alone sees few promotions; five hundred products see many. So prices count from the last one and in shares of it, and
beside the features of the direct members stand five that tell products apart (Montero-Manso and Hyndman 2021, "Principles and
algorithms for forecasting groups of time series: locality and globality").
"""

from collections.abc import Iterable
from dataclasses import replace
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.errors import TrainingError
from pricecast_dagster.forecasting import booster
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.pooled import Pooled
from pricecast_dagster.forecasting.recipe import DIRECT_STEP, BoosterSettings, default_recipe
from pricecast_dagster.forecasting.samples import build_samples, subtract_base
from pricecast_dagster.forecasting.standing import price_ages, prices_before
from pricecast_dagster.schemas import FEATURE_COLUMNS

CUT_STEP_DAYS: Final = 14
KEPT_CUTS: Final = 8
"""Weights look back six fortnights; one more for where a product's end and the calendar do not meet, and the newest."""

MOST_SKUS: Final = 500
"""Of more products so many are learned from, chosen by the hash of their name: half a million rows, a minute for all cuts."""

LEARNED_DAYS: Final = 400
FEWEST_ROWS: Final = 500
WARM_UP_DAYS: Final = 21

PORTRAIT: Final = ("change_rate", "price_age", "price_before", "variation", "mean_price")
"""What tells products apart, see `portraits`."""

_EPOCH: Final = np.datetime64("2000-01-03", "D")
_RATE_DAYS: Final = 90
_LARGEST_MOVE: Final = 2.0
"""Moves beyond three times the last price count as that: one product's wrong comma is not everybody's lesson."""

_SCALED: Final = np.array(
    [column for column, name in enumerate(FEATURE_COLUMNS) if name.startswith(("price_lag", "price_rolling"))]
    + [len(FEATURE_COLUMNS) + 1]
)
_HIDDEN: Final = [
    column for column, name in enumerate(FEATURE_COLUMNS) if name not in default_recipe().learners[DIRECT_STEP].features
]
"""Quantities and absolute time, as `direct_step` has it."""

_SETTINGS: Final = BoosterSettings(
    objective="regression_l1",
    n_estimators=120,
    learning_rate=0.06,
    max_depth=6,
    num_leaves=20,
    min_child_samples=60,
    subsample=0.8,
    colsample_bytree=0.6,
    reg_alpha=0.0,
    reg_lambda=5.0,
)


def cuts_until(day: np.datetime64, count: int) -> tuple[np.datetime64, ...]:
    """The newest `count` days of the calendar of cuts up to a day, ascending: every fourteenth since a Monday of long ago."""
    since = int((day - _EPOCH).astype(int)) // CUT_STEP_DAYS
    return tuple(_EPOCH + CUT_STEP_DAYS * (since - back) for back in reversed(range(count)))


def sample_of(skus: Iterable[str]) -> tuple[str, ...]:
    """The products that are learned from: all, or of more than `MOST_SKUS` those with the smallest hashes; sorted."""
    names = sorted(set(skus))
    if len(names) > MOST_SKUS:
        names = sorted(sorted(names, key=lambda sku: blake2b(sku.encode()).digest())[:MOST_SKUS])
    return tuple(names)


def fit_pooled(
    histories: Iterable[Panel],
    calendar: HolidayCalendar,
    until: np.datetime64,
    seed: int,
    *,
    of_skus: int,
    kept_cuts: int = KEPT_CUTS,
) -> Pooled:
    """Fit the boosters of all cuts up to a day.

    Args:
        histories: panels of one SKU each, of those of `sample_of`; their order does not matter.
        calendar: says which days are special.
        until: the present; nothing later is learned from.
        seed: of everything random.
        of_skus: how many products there are.
        kept_cuts: for how many days of the calendar.

    Raises:
        TrainingError: there are too few rows before every cut.
    """
    known = sorted((history.until(until) for history in histories), key=lambda history: history.skus)
    rows = [_rows_of(history, calendar) for history in known if history.observed.any()]
    days, features, moves = (
        (np.concatenate(part) for part in zip(*rows, strict=True))
        if rows
        else (np.zeros(0, dtype="datetime64[D]"), np.zeros((0, 1)), np.zeros(0))
    )
    texts: dict[np.datetime64, str] = {}
    counts: dict[str, int] = {}
    for cut in cuts_until(until, kept_cuts):
        chosen = (days <= cut) & (days > cut - LEARNED_DAYS)
        count = int(chosen.sum())
        if count >= FEWEST_ROWS:
            settings = replace(_SETTINGS, min_child_samples=int(np.clip(count // 150, 60, 400)))
            texts[cut], counts[str(cut)] = booster.fit(features[chosen], moves[chosen], settings, seed), count
    if not texts:
        raise TrainingError(
            f"A pooled model needs {FEWEST_ROWS} rows before a cut; {len(known)} products give {len(days)} in all.",
            remedy="Make it when there is more history, or take `pooled` out of PRICECAST_MEMBERS.",
        )
    facts = {"skus": len(rows), "of_skus": of_skus, "rows": counts}
    name = blake2b("\n".join((*map(str, texts), *texts.values())).encode(), digest_size=8).hexdigest()
    return Pooled(name, tuple(texts), tuple(texts.values()), facts)


def pooled_features(direct: NDArray[np.float64], last: NDArray[np.float64], portrait: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the boosters see: direct features with prices counted from the last one, in shares of it, and the portrait.

    Args:
        direct: (r, 47) direct features, see `samples.direct_features`.
        last: (r,) last prices.
        portrait: (r, 5), see `portraits`.

    Returns:
        (r, 52).
    """
    shown = subtract_base(direct, last)
    shown[:, _SCALED] /= last[:, None]
    shown[:, _HIDDEN] = 0.0
    return np.concatenate([shown, portrait], axis=1)


def portraits(panel: Panel, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float64]:
    """What tells products apart, at some days and known by their end.

    Args:
        panel: the history.
        rows, columns: (n,) SKU and day, none before the SKU's first observed day.

    Returns:
        (n, 5): share of observed days with a change in the last 90, days since the last change, price before it, standard
        deviation of all observed prices, their mean; prices in shares of the last price, the last and third less 1.
    """
    start = np.take_along_axis(panel.price, np.minimum(panel.first, panel.n_days - 1)[:, None], axis=1)
    observed = panel.observed
    # Counted from the first price: one that never moved has a deviation of exactly 0.
    moved = np.where(observed, panel.price - start, 0.0)
    seen = np.cumsum(observed, axis=1)
    count = np.maximum(seen, 1)
    mean = np.cumsum(moved, axis=1) / count
    deviation = np.sqrt(np.maximum(np.cumsum(moved * moved, axis=1) / count - mean * mean, 0.0))
    changed = np.zeros(panel.price.shape, dtype=np.intp)
    changed[:, 1:] = (panel.price[:, 1:] != panel.price[:, :-1]) & ~np.isnan(panel.price[:, :-1])
    changes = np.cumsum(changed, axis=1)
    earlier = np.maximum(columns - _RATE_DAYS, 0)
    rate = (changes[rows, columns] - changes[rows, earlier]) / np.maximum(seen[rows, columns] - seen[rows, earlier], 1)
    last = panel.price[rows, columns]
    return np.stack(
        [
            rate,
            price_ages(panel)[rows, columns].astype(np.float64),
            prices_before(panel)[rows, columns] / last - 1.0,
            deviation[rows, columns] / last,
            (start + mean)[rows, columns] / last - 1.0,
        ],
        axis=1,
    )


def _rows_of(
    history: Panel, calendar: HolidayCalendar
) -> tuple[NDArray[np.datetime64], NDArray[np.float64], NDArray[np.float64]]:
    """Target days, features and moves (shares of the last price) of one SKU."""
    design = build_samples(history, calendar, default_recipe()).design
    chosen = design.direct_days >= int(history.first[0]) + WARM_UP_DAYS
    columns = design.direct_days[chosen]
    origins = columns - design.horizons[chosen]
    last = design.last[chosen]
    portrait = portraits(history, np.zeros_like(origins), origins)
    moves = np.minimum(history.price[0, columns] / last - 1.0, _LARGEST_MOVE)
    return history.days[columns], pooled_features(design.direct[chosen], last, portrait), moves
