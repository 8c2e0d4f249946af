"""Evaluation: a backtest on a source, from several origins in its past.

Belongs here: choosing origins, cutting the source at each, spreading products over processes, the file. Not here: one product
(`operations.replay`), the comparison (`forecasting.comparison`), its tables and charts in files (`operations.backtest_report`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from pricecast_dagster.compute.place import open_compute
from pricecast_dagster.compute.protocol import Failure
from pricecast_dagster.errors import NoUsableHistoryError, TrainingError, UnknownSkuError
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.recipe import POOLED
from pricecast_dagster.operations.replay import Cut, Unit, replay
from pricecast_dagster.schemas import BACKTEST_COLUMNS, DATE, SKU
from pricecast_dagster.settings import Settings
from pricecast_dagster.sources.fingerprint import history_versions
from pricecast_dagster.sources.reading import SourceData, read_source
from pricecast_dagster.stages.training import SECONDS_A_REFIT, SECONDS_A_TRAINING, SECONDS_A_TRIAL
from pricecast_dagster.stages.versions import digest, seed_of

if TYPE_CHECKING:
    import pandas as pd

    from pricecast_dagster.forecasting.comparison import Judged
    from pricecast_dagster.forecasting.forecasts import Forecasts
    from pricecast_dagster.forecasting.panel import Panel
    from pricecast_dagster.forecasting.pooled import Pooled

# Progress is told after so many products of a core: often enough to be seen, seldom enough to keep all cores busy.
PRODUCTS_A_CORE: Final = 8
_POOLED_SEED: Final = 1

Advance = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class BacktestPlan:
    """What is wanted.

    Attributes:
        origins: how many, counted back from `horizon_days` before the last day of the source.
        step_days: between two origins.
        skus: only these products; empty means all.
        trials: tuning trials a product and origin; 0 means without tuning.
        refit_every_days: None trains anew at every origin. Otherwise a product is trained, and tuned, at the oldest origin; from
            then on its model is fitted again, as new data has it in use, only when so many days have passed, and stands between.
    """

    origins: int = 4
    step_days: int = 14
    horizon_days: int = 14
    skus: tuple[str, ...] = ()
    trials: int = 0
    refit_every_days: int | None = None


@dataclass(frozen=True)
class Backtest:
    """What came out.

    Attributes:
        forecasts: rows of schemas.BACKTEST_COLUMNS, by SKU, origin and day.
        judged: the forecasts beside what happened and beside the simple methods.
        failed: `SKU from origin` -> why it has no forecast.
    """

    forecasts: "pd.DataFrame"
    judged: "Judged"
    failed: Mapping[str, str] = field(default_factory=dict)


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
    from pricecast_dagster.forecasting.backtest import backtest_frame
    from pricecast_dagster.forecasting.comparison import judge
    from pricecast_dagster.forecasting.panel import build_panel

    whole = read_source(settings, skus=plan.skus or None, today=datetime.now(UTC).date())
    by_origin = {day: dict(_cuts(settings, plan, day)) for day in origins(_last_day(whole, plan.skus), plan)}
    empty = next((day for day, cuts in by_origin.items() if not cuts), None)
    if empty is not None:
        raise NoUsableHistoryError(f"No product has a price up to {empty}.", remedy="Ask for fewer origins or shorter steps.")
    units = _units(settings, plan, by_origin)
    results: list[Forecasts] = []
    failed: dict[str, str] = {}
    compute = open_compute(settings.compute, settings.jobs)
    part = PRODUCTS_A_CORE * compute.jobs
    for start in range(0, len(units), part):
        chosen = units[start : start + part]
        for unit, result in zip(chosen, compute.map(replay, chosen, seconds_each=_seconds(units[0])), strict=True):
            if isinstance(result, Failure):
                failed |= {_name(unit, cut): str(result) for cut in unit.cuts}
                continue
            results += result.value
            for cut, answer in zip(unit.cuts, result.value, strict=True):
                failed |= {_name(unit, cut): str(error) for error in answer.refused.values()}
        advance(start + len(chosen), len(units))
    if not results:
        raise NoUsableHistoryError(f"No product has a forecast: {next(iter(failed.values()))}", remedy="")
    frame = backtest_frame(results)
    return Backtest(frame[list(BACKTEST_COLUMNS)], judge(frame, build_panel(whole.history)), failed)


def origins(last_day: date, plan: BacktestPlan) -> list[date]:
    """The last known day of each forecast, newest first; the newest forecast ends on the last day of the source."""
    newest = last_day - timedelta(days=plan.horizon_days)
    return [newest - timedelta(days=plan.step_days * position) for position in range(plan.origins)]


def write(path: Path, forecasts: "pd.DataFrame") -> None:
    """Write rows as CSV or Parquet, by suffix; the file is there whole or not at all."""
    unfinished = path.with_name(f".{path.name}.part")
    if path.suffix.lower() == ".parquet":
        forecasts.to_parquet(unfinished, index=False)
    else:
        forecasts.to_csv(unfinished, index=False, date_format="%Y-%m-%d")
    unfinished.replace(path)


def _cuts(settings: Settings, plan: BacktestPlan, origin: date) -> Iterator[tuple[str, Cut]]:
    """What was known of each product at an origin, from the source as it was on that day."""
    from pricecast_dagster.forecasting.panel import build_panel

    known = read_source(settings, skus=plan.skus or None, today=origin).history
    if known.empty:
        return
    panel = build_panel(known, until=origin)
    versions = history_versions(known)
    pooled = _pooled(settings, plan, panel, origin) if POOLED in settings.members else None
    for position, sku in enumerate(panel.skus):
        yield sku, Cut(origin, panel.select([position]), seed_of(digest("backtest", versions[sku], plan.trials)), pooled)


def _pooled(settings: Settings, plan: BacktestPlan, known: "Panel", origin: date) -> "Pooled | None":
    """What all products together had taught by an origin, also those that are not asked for; None where that is too little."""
    from pricecast_dagster.forecasting.panel import build_panel
    from pricecast_dagster.forecasting.pooled_fit import fit_pooled, sample_of

    if plan.skus:
        known = build_panel(read_source(settings, skus=None, today=origin).history, until=origin)
    chosen = set(sample_of(known.skus))
    histories = (known.select([position]) for position, sku in enumerate(known.skus) if sku in chosen)
    try:
        return fit_pooled(
            histories, HolidayCalendar(settings.country), np.datetime64(origin, "D"), _POOLED_SEED, of_skus=known.n_skus
        )
    except TrainingError:
        return None


def _units(settings: Settings, plan: BacktestPlan, by_origin: Mapping[date, Mapping[str, Cut]]) -> list[Unit]:
    """Without `refit_every_days` every origin stands alone, newest first; with it a product's origins follow one another."""
    chains: list[tuple[Cut, ...]]
    if plan.refit_every_days is None:
        chains = [(cut,) for cuts in by_origin.values() for cut in cuts.values()]
    else:
        skus = dict.fromkeys(sku for cuts in by_origin.values() for sku in cuts)
        chains = [tuple(by_origin[day][sku] for day in sorted(by_origin) if sku in by_origin[day]) for sku in skus]
    calendar = HolidayCalendar(settings.country)
    return [
        Unit(
            cuts=cuts,
            horizon_days=plan.horizon_days,
            trials=plan.trials,
            refit_every_days=plan.refit_every_days or 1,
            minimum_history_days=settings.minimum_history_days,
            calendar=calendar,
            members=tuple(settings.members),
        )
        for cuts in chains
    ]


def _seconds(unit: Unit) -> float:
    """What a product takes on one core, about."""
    return SECONDS_A_TRAINING + SECONDS_A_TRIAL * unit.trials + SECONDS_A_REFIT * (len(unit.cuts) - 1)


def _last_day(source: SourceData, skus: tuple[str, ...]) -> date:
    unknown = sorted(set(skus) - set(source.history[SKU]))
    if unknown:
        raise UnknownSkuError(f"The source has no usable row of {', '.join(map(repr, unknown))}.", remedy="")
    if source.history.empty:
        raise NoUsableHistoryError("The source has no usable row.")
    last: date = source.history[DATE].max().date()
    return last


def _name(unit: Unit, cut: Cut) -> str:
    return f"{unit.sku} from {cut.origin}"
