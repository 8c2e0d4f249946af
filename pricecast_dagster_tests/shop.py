"""A small retailer in a folder: what the tests of stages and Dagster change, and look at.

Belongs here: writing and changing the source, opening stores on it. Not here: assertions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from pricecast_dagster.schemas import DATE, PRICE, QUANTITY, SKU
from pricecast_dagster.settings import Settings, load_settings
from pricecast_dagster.stages import refresh
from pricecast_dagster.stages.context import StageContext, open_context
from pricecast_dagster.stages.outcome import Report
from pricecast_dagster.stages.plan import Plan
from pricecast_dagster.testing import random_history

LAST_DAY = "2026-05-30"
N_DAYS = 150


class Clock:
    """A clock that goes on by a minute at each look: every version gets a name of its own."""

    def __init__(self) -> None:
        self.now = datetime(2026, 6, 1, 12, tzinfo=UTC)
        self.step = timedelta(minutes=1)

    def __call__(self) -> datetime:
        self.now += self.step
        return self.now


@dataclass
class Shop:
    """A source folder with one file `history.csv`, and a home beside it."""

    folder: Path
    settings: Settings
    rows: pd.DataFrame
    clock: Clock

    @property
    def file(self) -> Path:
        return self.folder / "source" / "history.csv"

    def save(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        # At once, as the docs ask for: a sensor may look meanwhile.
        part = self.file.with_name(".part")
        self.rows.to_csv(part, index=False)
        part.replace(self.file)

    def context(self) -> StageContext:
        return open_context(self.settings, clock=self.clock)

    def refresh(self, **plan: object) -> Report:
        return refresh.run(self.context(), Plan(**plan))  # type: ignore[arg-type]

    def append_day(self, skus: Sequence[str], *, price: float | None = None) -> None:
        """One more day for these products."""
        for sku in skus:
            last = self.rows[self.rows[SKU] == sku].iloc[-1]
            row = {
                SKU: sku,
                DATE: last[DATE] + pd.Timedelta(days=1),
                PRICE: last[PRICE] if price is None else price,
                QUANTITY: 3.0,
            }
            self.rows = pd.concat([self.rows, pd.DataFrame([row])], ignore_index=True)
        self.save()

    def ruin(self, sku: str) -> None:
        """Quantities of the last days that overflow every feature made of them; the prices are fine."""
        self.rows.loc[self.rows.index[self.rows[SKU] == sku][-5:], QUANTITY] = 1e300
        self.save()

    def drop(self, sku: str) -> None:
        self.rows = self.rows[self.rows[SKU] != sku].reset_index(drop=True)
        self.save()


def open_shop(folder: Path, *, products: int = 4, days: int = N_DAYS, **settings: object) -> Shop:
    first_day = str(np.datetime64(LAST_DAY) - (days - 1))
    shop = Shop(
        folder,
        load_settings(
            source=str(folder / "source"),
            home=str(folder / "home"),
            optimize="never",
            jobs=1,
            **settings,
        ),
        random_history(products, days, seed=7, first_day=first_day),
        Clock(),
    )
    shop.save()
    return shop
