"""Replay: one product from one origin of the past or from several, as it would have been in use.

Belongs here: what travels to a worker process, and when the standing model is fitted again. Not here: the training itself
(`stages.lesson`), choosing origins and reading the source (`operations.evaluation`).

A cut holds what was known at its origin and nothing later, and is answered from itself and from models of earlier cuts alone.
"""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pricecast_dagster.errors import SkuTooShortError, TrainingError
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.stages.lesson import Task, Way, carry_out
from pricecast_dagster.stages.training import way_on_new_data

if TYPE_CHECKING:
    from pricecast_dagster.forecasting.forecasts import Forecasts
    from pricecast_dagster.forecasting.model import Model
    from pricecast_dagster.forecasting.pooled import Pooled


@dataclass(frozen=True, slots=True)
class Cut:
    """What was known of one product at an origin.

    Attributes:
        panel: of this SKU alone, its last day is the origin.
        seed: of a training on it.
        pooled: what all products together had taught by then; None where no member asks for it.
    """

    origin: date
    panel: Panel
    seed: int
    pooled: "Pooled | None" = None


@dataclass(frozen=True, slots=True)
class Unit:
    """One product's origins, ascending; the first is trained on, the others by `refit_every_days`.

    Attributes:
        trials: of tuning, at the first origin alone; 0 for none.
        refit_every_days: a model stands so long before it is fitted again.
        members: additional ones, by name.
    """

    cuts: tuple[Cut, ...]
    horizon_days: int
    trials: int
    refit_every_days: int
    minimum_history_days: int
    calendar: HolidayCalendar
    members: tuple[str, ...] = ()

    @property
    def sku(self) -> str:
        """The product."""
        return self.cuts[0].panel.skus[0]


def replay(unit: Unit) -> "list[Forecasts]":
    """The forecasts of one product from each of its origins; runs in a worker process.

    Where no model can be trained a simple method answers, and where it cannot be fitted again the standing one does, as in use.
    """
    from pricecast_dagster.forecasting.fallback import fallback
    from pricecast_dagster.forecasting.model import forecast

    forecasts = []
    model: Model | None = None
    fitted_on = date.min
    for cut in unit.cuts:
        if model is None or (cut.origin - fitted_on).days >= unit.refit_every_days:
            model, fitted_on = _fitted(unit, cut, model), cut.origin
        if model is None:
            forecasts.append(fallback(cut.panel, unit.horizon_days, at_end=True))
        else:
            forecasts.append(forecast([model], cut.panel, unit.calendar, unit.horizon_days, at_end=True))
    return forecasts


def _fitted(unit: Unit, cut: Cut, standing: "Model | None") -> "Model | None":
    """The model after a training on a cut; the one that stands where there is none to be had."""
    task = Task(
        sku=unit.sku,
        way=Way.FIRST if standing is None else way_on_new_data(cut.panel, standing),
        panel=cut.panel,
        calendar=unit.calendar,
        champion=standing,
        trials=unit.trials if standing is None else 0,
        seed=cut.seed,
        minimum_history_days=unit.minimum_history_days,
        members=unit.members,
        pooled=cut.pooled,
    )
    try:
        return carry_out(task).champion
    except (SkuTooShortError, TrainingError):
        return standing
