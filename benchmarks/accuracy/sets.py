"""The sets of products that are measured, and the cases: which product is forecast from which day.

Belongs here: reading and generating the sets, rolling origins, which products are held out. Not here: forecasting (`own`,
`simple`, `peers`), and scores (`scoring`).

Protocol: four origins 14 days apart, counted back from the last day; the history is cut at the origin; observed days are judged;
SKU-origins with fewer than 60 observations before, or none after, are left out. Real sets lie beside the checkout in
../shared/data and are left out where they are absent.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.comparison import OBSERVATIONS_TO_COUNT
from pricecast_dagster.forecasting.panel import Panel, build_panel
from pricecast_dagster.forecasting.splits import rolling_origins
from pricecast_dagster.schemas import DATE, SKU
from pricecast_dagster.sources.synthetic import make_retailer
from pricecast_dagster_tests.accuracy.kinds import KINDS, history_of

DATA: Final = Path(__file__).parents[2].parent / "shared" / "data"
REAL: Final = {"online_retail": "GB", "complete_journey": "US"}
SYNTHETIC: Final = "synthetic"
ORIGINS: Final = 4
STEP_DAYS: Final = 14
_PRODUCTS_OF_A_KIND: Final = 40
_SEED_OF_KINDS: Final = 11
_HELD_OUT_EVERY: Final = 3


@dataclass(frozen=True, eq=False)
class DataSet:
    """A set of products.

    Attributes:
        name: as tables show it.
        panel: the whole history.
        calendar: of its country.
    """

    name: str
    panel: Panel
    calendar: HolidayCalendar


@dataclass(frozen=True, eq=False)
class Cases:
    """Which product is forecast from which day, and what happened; n cases, h days ahead.

    Attributes:
        rows, columns: (n,) product and origin, as row and column of the set's panel.
        skus: (n,); origins: (n,) datetime64[D].
        actual: (n, h) prices, carried forward; counted: (n, h) the observed days.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    skus: NDArray[np.str_]
    origins: NDArray[np.datetime64]
    actual: NDArray[np.float64]
    counted: NDArray[np.bool_]

    @classmethod
    def of(cls, panel: Panel, horizon_days: int) -> Self:
        """All cases of a panel, by product and origin."""
        days = rolling_origins(panel.days[-1], count=ORIGINS, step_days=STEP_DAYS, horizon_days=horizon_days)
        rows = np.repeat(np.arange(panel.n_skus), len(days))
        columns = np.tile((days - panel.first_day).astype(np.intp), panel.n_skus)
        ahead = columns[:, None] + 1 + np.arange(horizon_days)
        begun = np.cumsum(panel.observed, axis=1)[rows, np.maximum(columns, 0)] >= OBSERVATIONS_TO_COUNT
        usable = begun & (columns >= 0) & panel.observed[rows[:, None], ahead].any(axis=1)
        rows, columns, ahead = rows[usable], columns[usable], ahead[usable]
        return cls(
            rows,
            columns,
            np.array(panel.skus)[rows],
            panel.first_day + columns,
            panel.price[rows[:, None], ahead],
            panel.observed[rows[:, None], ahead],
        )

    def where(self, chosen: NDArray[np.bool_]) -> "Cases":
        """Some of the cases (n,)."""
        return Cases(
            self.rows[chosen],
            self.columns[chosen],
            self.skus[chosen],
            self.origins[chosen],
            self.actual[chosen],
            self.counted[chosen],
        )

    @property
    def horizon_days(self) -> int:
        """How many days ahead."""
        return int(self.actual.shape[1])


def held_out(skus: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Which products are kept for the last look: a third of them, by the hash of their name."""
    return np.array([zlib.crc32(sku.encode()) % _HELD_OUT_EVERY == 0 for sku in skus])


def names() -> tuple[str, ...]:
    """Every set there is, the real ones where they lie beside the checkout."""
    real = (name for name in REAL if (DATA / name / "history.csv.gz").exists())
    return (*real, SYNTHETIC, *KINDS)


def data_sets(chosen: tuple[str, ...], every: int = 1) -> Iterator[DataSet]:
    """The chosen sets, of each the n-th product only."""
    for name in chosen:
        history, country = _history(name)
        some = sorted(history[SKU].unique())[::every]
        yield DataSet(name, build_panel(history[history[SKU].isin(some)]), HolidayCalendar(country))


def _history(name: str) -> tuple[pd.DataFrame, str]:
    if name in REAL:
        path = DATA / name / "history.csv.gz"
        return pd.read_csv(path, dtype={SKU: str}, parse_dates=[DATE]), REAL[name]
    if name == SYNTHETIC:
        retailer = make_retailer(days=365, products=200, seed=42, last_day=date(2026, 5, 31))
        return retailer.prices.merge(retailer.sales, on=[SKU, DATE]), "BR"
    return history_of(name, _PRODUCTS_OF_A_KIND, seed=_SEED_OF_KINDS), "BR"
