"""The recipe: every choice that makes a model of a SKU, apart from its data and its seed.

Belongs here: the choices, their defaults and their JSON form. Not here: fitting (`members`), weighing (`ensemble`), and finding
better choices (`tuning`).

A recipe is what is tuned, compared and carried on when a champion is refitted; two equal recipes on the same history and seed
give the same bytes.
"""

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Self

from pricecast_dagster.schemas import FEATURE_COLUMNS

AUTOREGRESSIVE: Final = "autoregressive"
DIRECT_STEP: Final = "direct_step"
DIRECT_LEVEL: Final = "direct_level"
SMOOTHING: Final = "smoothing"


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
class Recipe:
    """Which members answer and how each is fitted.

    Attributes:
        members: names of `members.roster.MEMBERS`, in the order of every weight vector.
        boosters: member -> its hyperparameters, for those that boost.
        features: columns of schemas.FEATURE_COLUMNS that boosters see, in that order.
        training_horizons: days ahead that direct members are trained for, ascending; a day in between or beyond is
            answered as the nearest trained one below or at the end.
    """

    members: tuple[str, ...]
    boosters: dict[str, BoosterSettings]
    features: tuple[str, ...] = FEATURE_COLUMNS
    training_horizons: tuple[int, ...] = (1, 4, 7, 10, 14)
    tuned: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The recipe as JSON types; `from_json` gives it back."""
        return asdict(self) | {
            "members": list(self.members),
            "features": list(self.features),
            "training_horizons": list(self.training_horizons),
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """A recipe from what `to_json` gave."""
        return cls(
            members=tuple(document["members"]),
            boosters={name: BoosterSettings(**settings) for name, settings in document["boosters"].items()},
            features=tuple(document["features"]),
            training_horizons=tuple(int(days) for days in document["training_horizons"]),
            tuned={name: float(value) for name, value in document["tuned"].items()},
        )

    def with_booster(self, member: str, settings: BoosterSettings) -> "Recipe":
        """The recipe with other hyperparameters of one member."""
        return replace(self, boosters=self.boosters | {member: settings})


def default_recipe() -> Recipe:
    """The recipe that serves until tuning finds a better one: small trees, strongly held back.

    Found on two real and two synthetic sets by 14-day forecasts at several origins; differences between neighbouring values are
    noise, the smallness of the trees is not.
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
    return Recipe(
        members=(AUTOREGRESSIVE, DIRECT_STEP, DIRECT_LEVEL, SMOOTHING),
        boosters={
            AUTOREGRESSIVE: small,
            DIRECT_STEP: replace(small, objective="regression_l1", n_estimators=60, min_child_samples=60),
            DIRECT_LEVEL: replace(
                small, n_estimators=60, learning_rate=0.05, max_depth=3, min_child_samples=100, reg_lambda=10.0
            ),
        },
    )
