"""The model of a SKU: trained, refitted, asked for a forecast; everything that is kept of it.

Belongs here: the order of the steps and what is kept. Not here: the steps themselves (`samples`, `members`, `validation`,
`ensemble`, `intervals`, `tuning`), when to train (`stages.training`), where it is kept (`storage.artifacts`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.errors import ForecastError, SkuTooShortError
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.chances import chances_at
from pricecast_dagster.forecasting.ensemble import Blend, kind_of, weigh
from pricecast_dagster.forecasting.evidence import evidence
from pricecast_dagster.forecasting.forecasts import Forecasts
from pricecast_dagster.forecasting.hindsight import hindsight
from pricecast_dagster.forecasting.intervals import N_SIDES, past_coverage, reaches
from pricecast_dagster.forecasting.members.protocol import Fitted
from pricecast_dagster.forecasting.members.roster import MEMBERS
from pricecast_dagster.forecasting.origins import Origins
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.past_errors import Errors, recent_spread, sides
from pricecast_dagster.forecasting.recipe import POOLED, Recipe, default_recipe
from pricecast_dagster.forecasting.samples import Samples, build_samples
from pricecast_dagster.forecasting.scores import ONE_STEP_DAYS, Past, member_errors, score
from pricecast_dagster.forecasting.settling import settled
from pricecast_dagster.forecasting.standing import prices_before
from pricecast_dagster.forecasting.validation import (
    Rehearsed,
    rehearse_kind,
    track_rules,
    within_recent_range,
)
from pricecast_dagster.schemas import FEATURE_COLUMNS, LEVELS

if TYPE_CHECKING:
    from pricecast_dagster.forecasting.pooled import Pooled
    from pricecast_dagster.forecasting.tuning import TuningPlan

MODEL_NAME: Final = "LightGBM"
"""What answers; whoever stores a model adds its version."""

LONGEST_HORIZON_DAYS: Final = 60
MINIMUM_HISTORY_DAYS: Final = 60
OBSERVED_ONE_OF: Final = 4
"""A model needs a price on one of so many days of the shortest history: two prices far apart are no history."""
"""Under about 60 days of history a mean or SES beats every learner we tried."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A trained model; three plain parts that a store can keep without knowing what they mean.

    Attributes:
        recipe: how it was made.
        texts: member -> LightGBM's text form or that of another engine, for members that have one.
        arrays: `errors` (k, h), `block` and `side` (k,): past errors, see `past_errors.Errors`; `later_errors` and `later_side`:
            those of LATER_DAYS; `earlier_scores`: see `earlier`; `reaches` (sides, levels, 2, 60): the bands, see
            `intervals.reaches`. Models of before have no `earlier_scores`, older ones no `later_errors`, then no `side`, and
            `half_widths` (levels, 60) for `reaches`.
        facts: JSON: `blend`, `members` (numbers of the fitted members), `member_errors`, `metrics` (see `scores`), counts,
            `coverage`, the training window, `features` (and by member), `tuning` (see `tuning.Tuned`),
            `pooled` (version of the pooled model that a member of it was taken from).
    """

    recipe: Recipe
    texts: dict[str, str]
    arrays: dict[str, NDArray[Any]]
    facts: dict[str, Any]

    @property
    def blend(self) -> Blend:
        """How its members become one price."""
        return Blend.from_json(self.facts["blend"])

    @property
    def reaches(self) -> NDArray[np.float64]:
        """(sides, levels, 2, 60) how far its bands reach, see `intervals.reaches`."""
        if "reaches" in self.arrays:
            return self.arrays["reaches"]
        widths = self.arrays["half_widths"]
        return np.broadcast_to(widths[:, None], (N_SIDES, len(widths), 2, widths.shape[1]))

    def fitted(self, member: str) -> Fitted:
        """A fitted member, as it was."""
        return Fitted(self.texts.get(member, ""), dict(self.facts["members"][member]))


def train(
    history: Panel,
    calendar: HolidayCalendar,
    *,
    tuning: "TuningPlan | None",
    recipe: Recipe | None = None,
    seed: int,
    minimum_history_days: int = MINIMUM_HISTORY_DAYS,
    pooled: "Pooled | None" = None,
) -> Model:
    """Train one SKU: weights, step and bands from past origins, then every member on everything.

    Args:
        history: the panel of this SKU alone; its last observed day is the present.
        calendar: says which days are special.
        tuning: how hard to look for better hyperparameters; None takes the recipe as it is.
        recipe: None means `default_recipe()`.
        seed: of everything random.
        minimum_history_days: days from the first to the last observed day that a model needs.
        pooled: what all products together have taught, where the recipe asks for it.

    Raises:
        SkuTooShortError: fewer days between the first and the last observed day than the minimum.
        TrainingError: a member cannot be fitted.
    """
    _refuse_short(history, minimum_history_days)
    # Days before the first record and after the last are other products'; a longer sum rounds otherwise.
    history = history.lifetime()
    recipe = recipe or default_recipe()
    samples = build_samples(history, calendar, recipe, pooled)
    track = track_rules(history, calendar, recipe)
    kind = kind_of(track, history)
    told: dict[str, Any] = {"reason": "not asked for", "trials": 0}
    known: Rehearsed = {}
    if tuning is not None:
        from pricecast_dagster.forecasting.tuning import tune

        tuned = tune(samples, track, calendar, recipe, tuning, seed, known)
        recipe, told = tuned.recipe, tuned.told
    rehearsal = rehearse_kind(samples, calendar, recipe, kind, seed, known)
    back = hindsight(track, rehearsal, kind)
    forecasts = back.forecasts[len(back.columns) - back.rehearsed :]
    past = Past(rehearsal.columns, forecasts, track.actual[rehearsal.columns], track.counted[rehearsal.columns])
    errors, later = evidence(track, back, kind, recent_spread(samples.known))
    arrays = {"errors": errors.errors, "block": errors.block, "side": errors.side}
    arrays |= {"later_errors": later.errors, "later_side": later.side, "earlier_scores": errors.earlier}
    coverage = past_coverage(errors)
    end = int(history.last[0])
    facts = {
        "blend": weigh(track, rehearsal, kind, back.caution).to_json(),
        "member_errors": member_errors(track, rehearsal),
        "metrics": score(past, history),
        "coverage": {str(level): coverage[level] for level in LEVELS},
        "validation_samples": int(history.observed[0, : end + 1][-ONE_STEP_DAYS:].sum()),
        "weighed_until": str(history.days[end]),
        "tuning": told,
    }
    return _fit(samples, recipe, arrays, facts, seed)


def refit(
    history: Panel,
    calendar: HolidayCalendar,
    champion: Model,
    *,
    seed: int,
    minimum_history_days: int = MINIMUM_HISTORY_DAYS,
    pooled: "Pooled | None" = None,
) -> Model:
    """Fit the champion's recipe on new data; its weights, step and past errors stay. A third of the cost of `train`.

    Raises:
        SkuTooShortError: rows were taken away, and what is left is too short for a model.
        TrainingError: a member cannot be fitted.
    """
    _refuse_short(history.lifetime(), minimum_history_days)
    samples = build_samples(history.lifetime(), calendar, champion.recipe, pooled)
    errors, block = champion.arrays["errors"], champion.arrays["block"]
    arrays = {"errors": errors, "block": block, "side": champion.arrays.get("side", np.ones_like(block))}
    newer = ("later_errors", "later_side", "earlier_scores")
    arrays |= {name: champion.arrays[name] for name in newer if name in champion.arrays}
    carried = ("blend", "member_errors", "metrics", "coverage", "validation_samples", "weighed_until", "tuning")
    facts = {name: champion.facts[name] for name in carried if name in champion.facts}
    return _fit(samples, champion.recipe, arrays, facts, seed)


def _fit(samples: Samples, recipe: Recipe, arrays: dict[str, NDArray[Any]], facts: dict[str, Any], seed: int) -> Model:
    weights = Blend.from_json(facts["blend"]).weights
    fitted = {name: MEMBERS[name].fit(samples, recipe, seed) for name, weight in weights.items() if weight > 0}
    history = samples.history
    kind = Blend.from_json(facts["blend"]).kind
    # What the learners of this kind of price see, also those that the blend gave no weight: who is served is in "members".
    seen = {name: recipe.learners[name].features for name in recipe.by_kind[kind] if name in recipe.learners}
    features = [name for name in FEATURE_COLUMNS if any(name in own for own in seen.values())]
    earlier = arrays.get("earlier_scores", np.zeros(0))
    past = Errors(arrays["errors"], arrays["block"], arrays["side"], kind, recent_spread(samples.known), earlier)
    later = None
    if "later_errors" in arrays:
        side = arrays["later_side"]
        later = Errors(arrays["later_errors"], np.zeros_like(side), side, kind, past.spread)
    shared = {} if samples.pooled is None or POOLED not in weights else {POOLED: samples.pooled.version}
    return Model(
        recipe=recipe,
        texts={name: member.text for name, member in fitted.items() if member.text},
        arrays=arrays | {"reaches": reaches(past, LONGEST_HORIZON_DAYS, later)},
        facts=facts
        | shared
        | {
            "members": {name: member.numbers for name, member in fitted.items()},
            "training_samples": int(samples.known.size) - int(facts["validation_samples"]),
            "features_count": len(features),
            "features": features,
            "features_by_member": {name: list(own) for name, own in seen.items()},
            "trained_from": str(history.days[history.first[0]]),
            "trained_until": str(history.days[history.last[0]]),
        },
    )


def _refuse_short(history: Panel, minimum_history_days: int) -> None:
    first, last = int(history.first[0]), int(history.last[0])
    days = max(last - first + 1, 0)
    if days < minimum_history_days:
        possible = f" until {history.days[0] + first + minimum_history_days - 1}" if days else ""
        raise SkuTooShortError(
            f"SKU {history.skus[0]!r} has {days} days of history; a model needs {minimum_history_days}.",
            remedy=f"It is forecast by a simple method{possible}.",
        )
    observed, needed = int(history.observed[0].sum()), -(-minimum_history_days // OBSERVED_ONE_OF)
    if observed < needed:
        raise SkuTooShortError(
            f"SKU {history.skus[0]!r} has prices on {observed} of its {days} days; a model needs {needed}.",
            remedy="It is forecast by a simple method until then.",
        )


def forecast(
    models: Sequence[Model], panel: Panel, calendar: HolidayCalendar, horizon_days: int, *, at_end: bool = False
) -> Forecasts:
    """Forecast many SKUs at once, each by its own model.

    Args:
        models: (n_skus,) in the order of the panel's SKUs.
        panel: their histories; the last 30 days and the level are taken from it, so it may be newer than a model's training.
        calendar: says which days ahead are special.
        horizon_days: 1 to 60.
        at_end: every SKU's origin is the panel's last day, not its own last observed one; a backtest asks for that.

    Returns:
        The forecasts; a SKU whose forecast is not finite is refused, and the others are not touched by it.

    Raises:
        ForecastError: the horizon is not within 1 to 60, or models and SKUs differ in number.
    """
    if not 1 <= horizon_days <= LONGEST_HORIZON_DAYS:
        raise ForecastError(f"A forecast reaches 1 to {LONGEST_HORIZON_DAYS} days ahead, not {horizon_days}.")
    if len(models) != panel.n_skus:
        raise ForecastError(f"{len(models)} models were given for {panel.n_skus} SKUs.")
    columns = np.full(panel.n_skus, panel.n_days - 1) if at_end else panel.last
    rows = np.arange(panel.n_skus)
    prices = _prices(models, Origins(panel, rows, columns, calendar), horizon_days)
    side = sides(panel.price[rows, columns], prices_before(panel)[rows, columns])
    ends = np.stack([model.reaches[own] for model, own in zip(models, side, strict=True)])
    return Forecasts.around(
        skus=panel.skus,
        origins=panel.days[columns],
        price=prices,
        reaches=ends[..., :horizon_days],
        model_used=(MODEL_NAME,) * panel.n_skus,
        refused={},
    )


def _prices(models: Sequence[Model], origins: Origins, horizon_days: int) -> NDArray[np.float64]:
    """(n, h) each SKU by its own model; those that have a member are asked together."""
    moves = np.zeros((len(models), horizon_days))
    weights = [model.blend.weights for model in models]
    for name, member in MEMBERS.items():
        chosen = np.array([position for position, own in enumerate(weights) if own.get(name, 0.0) > 0], dtype=np.intp)
        if not len(chosen):
            continue
        some = replace(origins, rows=origins.rows[chosen], columns=origins.columns[chosen])
        fitted = [models[position].fitted(name) for position in chosen]
        answers = within_recent_range(member.forecast(fitted, np.arange(len(chosen)), some, horizon_days)[None], some)[0]
        share = np.array([weights[position][name] for position in chosen])
        moves[chosen] += share[:, None] * (answers - some.last[:, None])
    before = prices_before(origins.panel)[origins.rows, origins.columns]
    stays = chances_at(origins, horizon_days).stays
    return settled(origins.last, before, moves, stays, [model.blend.caution for model in models])
