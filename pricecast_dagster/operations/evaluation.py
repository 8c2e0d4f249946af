"""Evaluation: a backtest on a source, from several origins in its past.

Belongs here: choosing origins, cutting the source at each, spreading products over processes, the file. Not here: one product
from one origin, and the comparison (`forecasting.backtest`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from pricecast_dagster.compute.local import LocalCompute
from pricecast_dagster.compute.protocol import Failure
from pricecast_dagster.errors import NoUsableHistoryError, TrainingError, UnknownSkuError
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.schemas import BACKTEST_COLUMNS, DATE, SKU
from pricecast_dagster.settings import Settings
from pricecast_dagster.sources.fingerprint import history_versions
from pricecast_dagster.sources.reading import SourceData, read_source
from pricecast_dagster.stages.training import SECONDS_A_TRAINING, SECONDS_A_TRIAL
from pricecast_dagster.stages.versions import digest, seed_of

if TYPE_CHECKING:
    import pandas as pd

    from pricecast_dagster.forecasting.forecasts import Forecasts

# Progress is told after so many products of a core: often enough to be seen, seldom enough to keep all cores busy.
PRODUCTS_A_CORE: Final = 8

Advance = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class BacktestPlan:
    """What is wanted.

    Attributes:
        origins: how many, counted back from `horizon_days` before the last day of the source.
        step_days: between two origins.
        skus: only these products; empty means all.
        trials: tuning trials a product and origin; 0 means without tuning.
    """

    origins: int = 4
    step_days: int = 14
    horizon_days: int = 14
    skus: tuple[str, ...] = ()
    trials: int = 0


@dataclass(frozen=True)
class Backtest:
    """What came out.

    Attributes:
        forecasts: rows of schemas.BACKTEST_COLUMNS, by SKU, origin and day.
        comparison: one row a method, see `forecasting.backtest.compare_with_simple`.
        failed: `SKU from origin` -> why it has no forecast.
    """

    forecasts: "pd.DataFrame"
    comparison: "pd.DataFrame"
    failed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unit:
    """One product from one origin; it travels to a worker process and holds nothing later than its origin."""

    panel: Panel
    origin: date
    horizon_days: int
    trials: int
    minimum_history_days: int
    calendar: HolidayCalendar
    seed: int


def backtest(settings: Settings, plan: BacktestPlan, advance: Advance) -> Backtest:
    """Forecast every product from every origin.

    The source is read once for each origin, as it was on that day: cleaning sees nothing later either (a price is absurd against
    the median of what was known, a correction counts from the day it corrects).

    Args:
        settings: say where the source is and how many processes may compute.
        plan: what is wanted.
        advance: told how many products from how many origins are done, of how many.

    Raises:
        SourceError: the source cannot be read.
        UnknownSkuError: a named product is not in it.
        NoUsableHistoryError: no product has a history before the first origin.
    """
    from pricecast_dagster.forecasting.backtest import backtest_frame, compare_with_simple
    from pricecast_dagster.forecasting.panel import build_panel

    whole = read_source(settings, skus=plan.skus or None, today=datetime.now(UTC).date())
    days = origins(_last_day(whole, plan.skus), plan)
    by_origin = {day: list(_units(settings, plan, day)) for day in days}
    empty = next((day for day, units in by_origin.items() if not units), None)
    if empty is not None:
        raise NoUsableHistoryError(f"No product has a price up to {empty}.", remedy="Ask for fewer origins or shorter steps.")
    units = [unit for units in by_origin.values() for unit in units]
    results: list[Forecasts] = []
    failed: dict[str, str] = {}
    compute = LocalCompute(settings.jobs)
    seconds_each = SECONDS_A_TRAINING + SECONDS_A_TRIAL * plan.trials
    part = PRODUCTS_A_CORE * compute.jobs
    for start in range(0, len(units), part):
        chosen = units[start : start + part]
        for unit, result in zip(chosen, compute.map(carry_out, chosen, seconds_each=seconds_each), strict=True):
            if isinstance(result, Failure):
                failed[_name(unit)] = str(result)
                continue
            results.append(result.value)
            failed |= {_name(unit): str(error) for error in result.value.refused.values()}
        advance(start + len(chosen), len(units))
    if not results:
        raise NoUsableHistoryError(f"No product has a forecast: {next(iter(failed.values()))}", remedy="")
    frame = backtest_frame(results)
    return Backtest(frame[list(BACKTEST_COLUMNS)], compare_with_simple(frame, build_panel(whole.history)), failed)


def origins(last_day: date, plan: BacktestPlan) -> list[date]:
    """The last known day of each forecast, newest first; the newest forecast ends on the last day of the source."""
    newest = last_day - timedelta(days=plan.horizon_days)
    return [newest - timedelta(days=plan.step_days * position) for position in range(plan.origins)]


def carry_out(unit: Unit) -> "Forecasts":
    """One product from one origin; where it cannot be trained a simple method answers, as in use. Runs in a worker process."""
    from pricecast_dagster.forecasting.backtest import backtest
    from pricecast_dagster.forecasting.model import fallback
    from pricecast_dagster.forecasting.tuning import TuningPlan

    try:
        return backtest(
            unit.panel,
            unit.calendar,
            np.datetime64(unit.origin, "D"),
            unit.horizon_days,
            tuning=TuningPlan(unit.trials) if unit.trials else None,
            seed=unit.seed,
            minimum_history_days=unit.minimum_history_days,
        )
    except TrainingError:
        return fallback(unit.panel, unit.horizon_days, at_end=True)


def write(path: Path, forecasts: "pd.DataFrame") -> None:
    """Write rows as CSV or Parquet, by suffix; the file is there whole or not at all."""
    unfinished = path.with_name(f".{path.name}.part")
    if path.suffix.lower() == ".parquet":
        forecasts.to_parquet(unfinished, index=False)
    else:
        forecasts.to_csv(unfinished, index=False, date_format="%Y-%m-%d")
    unfinished.replace(path)


def _units(settings: Settings, plan: BacktestPlan, origin: date) -> Iterator[Unit]:
    from pricecast_dagster.forecasting.panel import build_panel

    known = read_source(settings, skus=plan.skus or None, today=origin).history
    if known.empty:
        return
    panel = build_panel(known, until=origin)
    versions = history_versions(known)
    calendar = HolidayCalendar(settings.country)
    for position, sku in enumerate(panel.skus):
        yield Unit(
            panel=panel.select([position]),
            origin=origin,
            horizon_days=plan.horizon_days,
            trials=plan.trials,
            minimum_history_days=settings.minimum_history_days,
            calendar=calendar,
            seed=seed_of(digest("backtest", versions[sku], plan.trials)),
        )


def _last_day(source: SourceData, skus: tuple[str, ...]) -> date:
    unknown = sorted(set(skus) - set(source.history[SKU]))
    if unknown:
        raise UnknownSkuError(f"The source has no usable row of {', '.join(map(repr, unknown))}.", remedy="")
    if source.history.empty:
        raise NoUsableHistoryError("The source has no usable row.")
    last: date = source.history[DATE].max().date()
    return last


def _name(unit: Unit) -> str:
    return f"{unit.panel.skus[0]} from {unit.origin}"
