"""The recipe: every choice that makes a model of a SKU, apart from its data and its seed.

Belongs here: the choices, their defaults and their JSON form. Not here: fitting (`members`), weighing (`ensemble`), and finding
better choices (`tuning`, `selection`).

A recipe is what is tuned, compared and carried on when a champion is refitted; two equal recipes on the same history and seed
give the same bytes.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Final, Self

from pricecast_dagster.schemas import FEATURE_COLUMNS

SMOOTHING: Final = "smoothing"
COMEBACK: Final = "comeback"
AUTOREGRESSIVE: Final = "autoregressive"
DIRECT_STEP: Final = "direct_step"
DIRECT_LEVEL: Final = "direct_level"

SEASONAL_MEAN: Final = "seasonal_mean"
THETA: Final = "theta"
RIDGE: Final = "ridge"
EXTRA_TREES: Final = "extra_trees"
XGBOOST: Final = "xgboost"
CATBOOST: Final = "catboost"
POOLED: Final = "pooled"

ADDITIONAL: Final = (SEASONAL_MEAN, THETA, RIDGE, EXTRA_TREES, XGBOOST, CATBOOST)
"""Members of the SKU's own that a recipe has only where it is asked for them."""

_OPTIONAL: Final = (*ADDITIONAL, POOLED)
"""And the one that all SKUs share."""

_ABSOLUTE_TIME: Final = ("week_of_year", "month", "quarter")
"""In one or two years of history these name a stretch of the past, not a season: trees learn it by heart."""


class Kind(StrEnum):
    """Of what kind a price is, judged by its own past."""

    NOISY = "noisy"
    """Noise around a level, as in averages of a day's till."""

    STICKY = "sticky"
    """It stays until somebody changes it, as on a shelf, or wanders."""


@dataclass(frozen=True, slots=True)
class BoosterSettings:
    """The hyperparameters of one LightGBM booster, under the names of scikit-learn's interface.

    Attributes:
        objective: LightGBM's, `regression` (squared error) or `regression_l1` (absolute error).
    """

    objective: str
    n_estimators: int
    learning_rate: float
    max_depth: int
    num_leaves: int
    min_child_samples: int
    subsample: float
    colsample_bytree: float
    reg_alpha: float
    reg_lambda: float


@dataclass(frozen=True, slots=True)
class Learner:
    """How one boosting member is fitted.

    Attributes:
        booster: its hyperparameters.
        features: the columns of schemas.FEATURE_COLUMNS that it sees.
    """

    booster: BoosterSettings
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Which members answer and how each is fitted.

    Attributes:
        rules: members that need no boosting; every SKU has them.
        learners: boosting members by name; which of them answer depends on the kind of price.
        by_kind: kind -> names of the learners that it has, additional members last.
        training_horizons: days ahead that direct learners are trained for on every day, ascending.
        far_horizons: days ahead beyond those, trained for on every sixth day. A day in between, or beyond all, is answered as
            the nearest trained one below.
    """

    rules: tuple[str, ...]
    learners: dict[str, Learner]
    by_kind: dict[Kind, tuple[str, ...]]
    training_horizons: tuple[int, ...]
    far_horizons: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """The recipe as JSON types; `from_json` gives it back."""
        return {
            "rules": list(self.rules),
            "learners": {
                name: {"booster": asdict(learner.booster), "features": list(learner.features)}
                for name, learner in self.learners.items()
            },
            "by_kind": {kind.value: list(names) for kind, names in self.by_kind.items()},
            "training_horizons": list(self.training_horizons),
            "far_horizons": list(self.far_horizons),
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """A recipe from what `to_json` gave."""
        return cls(
            rules=tuple(document["rules"]),
            learners={
                name: Learner(BoosterSettings(**learner["booster"]), tuple(learner["features"]))
                for name, learner in document["learners"].items()
            },
            by_kind={Kind(kind): tuple(names) for kind, names in document["by_kind"].items()},
            training_horizons=tuple(int(days) for days in document["training_horizons"]),
            far_horizons=tuple(int(days) for days in document["far_horizons"]),
        )

    @property
    def members(self) -> tuple[str, ...]:
        """Its additional members, by name."""
        return tuple(name for name in _OPTIONAL if any(name in names for names in self.by_kind.values()))

    def with_members(self, names: Sequence[str]) -> "Recipe":
        """The recipe with these additional members, and no others, for every kind of price."""
        own = {kind: tuple(name for name in members if name not in _OPTIONAL) for kind, members in self.by_kind.items()}
        wanted = tuple(name for name in _OPTIONAL if name in names)
        return replace(self, by_kind={kind: (*members, *wanted) for kind, members in own.items()})

    def with_booster(self, name: str, settings: BoosterSettings) -> "Recipe":
        """The recipe with other hyperparameters of one learner."""
        return self._with(name, replace(self.learners[name], booster=settings))

    def with_features(self, name: str, features: tuple[str, ...]) -> "Recipe":
        """The recipe with other features of one learner."""
        return self._with(name, replace(self.learners[name], features=features))

    def _with(self, name: str, learner: Learner) -> "Recipe":
        return replace(self, learners=self.learners | {name: learner})


def default_recipe() -> Recipe:
    """The recipe that serves until tuning finds a better one: small trees, strongly held back.

    Found on two real sets and nine generated kinds of price by 14-day forecasts at several origins; differences between
    neighbouring values are noise, the smallness of the trees is not. Quantities and absolute time among the features of
    `direct_step` cost it 2 to 12 % on sticky kinds and brought nothing on noisy ones.
    """
    small = BoosterSettings(
        objective="regression",
        n_estimators=80,
        learning_rate=0.08,
        max_depth=4,
        num_leaves=12,
        min_child_samples=20,
        subsample=0.8,
        colsample_bytree=0.7,
        reg_alpha=0.0,
        reg_lambda=1.0,
    )
    timeless = tuple(name for name in FEATURE_COLUMNS if name not in _ABSOLUTE_TIME)
    prices = tuple(name for name in timeless if not name.startswith("quantity"))
    step = replace(small, objective="regression_l1", n_estimators=60, min_child_samples=36)
    level = replace(small, n_estimators=60, learning_rate=0.05, max_depth=3, min_child_samples=60, reg_lambda=10.0)
    return Recipe(
        rules=(SMOOTHING, COMEBACK),
        learners={
            AUTOREGRESSIVE: Learner(small, FEATURE_COLUMNS),
            DIRECT_STEP: Learner(step, prices),
            DIRECT_LEVEL: Learner(level, timeless),
        },
        by_kind={Kind.NOISY: (AUTOREGRESSIVE, DIRECT_STEP, DIRECT_LEVEL), Kind.STICKY: (DIRECT_STEP,)},
        training_horizons=(2, 7, 13),
        far_horizons=(21, 35, 60),
    )
