"""Forecasts: prices and bands of the coming days of some SKUs, as they are handed out.

Belongs here: the shape, its long form, and refusing what is not finite. Not here: computing them (`model`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.errors import ForecastError, PricecastError
from pricecast_dagster.schemas import (
    DATE,
    HORIZON,
    LEVELS,
    LOWER_80,
    LOWER_95,
    MODEL_USED,
    ORIGIN,
    PRICE,
    SKU,
    UPPER_80,
    UPPER_95,
)

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Forecasts:
    """Forecasts of some SKUs; n SKUs, h days ahead.

    Attributes:
        skus: (n,) those that have a forecast.
        origins: (n,) datetime64[D], the last known day of each.
        price, lower_80, upper_80, lower_95, upper_95: (n, h), price units, finite, not negative, the bands around the price.
        model_used: (n,) who answered.
        refused: SKU -> why it has no forecast; no such SKU is in `skus`.
    """

    skus: tuple[str, ...]
    origins: NDArray[np.datetime64]
    price: NDArray[np.float64]
    lower_80: NDArray[np.float64]
    upper_80: NDArray[np.float64]
    lower_95: NDArray[np.float64]
    upper_95: NDArray[np.float64]
    model_used: tuple[str, ...]
    refused: Mapping[str, PricecastError]

    @classmethod
    def around(
        cls,
        skus: tuple[str, ...],
        origins: NDArray[np.datetime64],
        price: NDArray[np.float64],
        reaches: NDArray[np.float64],
        model_used: tuple[str, ...],
        refused: Mapping[str, PricecastError],
    ) -> Self:
        """Bands around prices; SKUs with a price or width that is not finite or negative are refused, the others go on.

        Args:
            skus: (n,) names.
            origins: (n,) datetime64[D].
            price: (n, h).
            reaches: (n, levels, 2, h) how far bands reach down and up, price units, ascending with the level.
            model_used: (n,) who answered.
            refused: SKUs that were given up before.
        """
        finite = np.isfinite(price).all(axis=1) & np.isfinite(reaches).all(axis=(1, 2, 3))
        sound = np.asarray(finite & (price >= 0).all(axis=1))
        broken = {
            sku: ForecastError(
                f"SKU {sku!r}: the forecast from {origin} is not a finite price.",
                remedy="Train it again; if that does not help, look at its last 30 days.",
            )
            for sku, origin, fine in zip(skus, origins, sound, strict=True)
            if not fine
        }
        kept = np.flatnonzero(sound)
        bands = {}
        for position, level in enumerate(LEVELS):
            bands[f"lower_{level}"] = np.maximum(price[kept] - reaches[kept, position, 0], 0.0)
            bands[f"upper_{level}"] = price[kept] + reaches[kept, position, 1]
        return cls(
            skus=tuple(skus[position] for position in kept),
            origins=origins[kept],
            price=price[kept],
            model_used=tuple(model_used[position] for position in kept),
            refused={**refused, **broken},
            **bands,
        )

    def to_frame(self) -> "pd.DataFrame":
        """One row a SKU and day ahead: the columns of schemas.BACKTEST_COLUMNS, in the order of the SKUs."""
        import pandas as pd

        n_skus, horizon_days = self.price.shape
        horizons = np.tile(np.arange(1, horizon_days + 1), n_skus)
        origins = np.repeat(self.origins, horizon_days)
        return pd.DataFrame(
            {
                SKU: pd.array(np.repeat(np.array(self.skus, dtype=object), horizon_days), dtype="str"),
                ORIGIN: origins.astype("datetime64[s]"),
                DATE: (origins + horizons).astype("datetime64[s]"),
                HORIZON: horizons,
                PRICE: self.price.ravel(),
                LOWER_80: self.lower_80.ravel(),
                UPPER_80: self.upper_80.ravel(),
                LOWER_95: self.lower_95.ravel(),
                UPPER_95: self.upper_95.ravel(),
                MODEL_USED: pd.array(np.repeat(np.array(self.model_used, dtype=object), horizon_days), dtype="str"),
            }
        )
