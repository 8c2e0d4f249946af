"""What a member of a model is.

Belongs here: the protocol and what a fitted member is kept as. Not here: any member.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.origins import Origins
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.recipe import Recipe
from pricecast_dagster.forecasting.samples import Samples


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted member: the text of a booster or another engine where it has one, and a few numbers.

    Attributes:
        text: LightGBM's text form or that of another engine, empty where there is none.
        numbers: what else a forecast needs.
    """

    text: str = ""
    numbers: dict[str, float] = field(default_factory=dict)


Engine: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""(rows, features) -> (rows,), brought back from a text; a row's bytes do not depend on the other rows."""


class Member(Protocol):
    """A method: fitted on the history of one SKU, it forecasts from any number of origins."""

    @property
    def name(self) -> str:
        """Its name in a recipe."""
        ...

    @property
    def minimum_days(self) -> int:
        """How many days of history it needs to be worth fitting."""
        ...

    @property
    def cost_milliseconds(self) -> float:
        """What a fit on a year takes on one core."""
        ...

    def fit(self, samples: Samples, recipe: Recipe, seed: int) -> Fitted:
        """Fit on what `samples` holds, of one SKU.

        Raises:
            TrainingError: the samples cannot be learned from.
        """
        ...

    def forecast(
        self, fitted: Sequence[Fitted], which: NDArray[np.intp], origins: Origins, horizon_days: int
    ) -> NDArray[np.float64]:
        """Forecast from many origins at once.

        Args:
            fitted: of one SKU or of many.
            which: (n,) position in `fitted` of each origin's own, ascending.
            origins: (n,) where to forecast from.
            horizon_days: how far.

        Returns:
            (n, horizon_days) prices. A row's bytes do not depend on the other rows.
        """
        ...


class Rule(Member, Protocol):
    """A member that needs no boosting: it costs so little that what it would have forecast is known for every past day."""

    def track(self, history: Panel, horizon_days: int) -> NDArray[np.float64]:
        """What it would have forecast from every day of one SKU, each knowing nothing later.

        Returns:
            (n_days, horizon_days) prices, NaN before the first observed day.
        """
        ...
