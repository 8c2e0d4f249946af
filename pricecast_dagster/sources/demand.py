"""Demand of the synthetic retailer: what is sold at a price on a day.

Belongs here: elasticity, seasons, commemorative peaks and noise. Not here: the price itself (`shelf`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.calendar import brazilian_commemorative_dates
from pricecast_dagster.sources.catalogue import ORDINARY_PEAK

Amounts = NDArray[np.float64]

WEEK: Final = np.log(np.array([0.85, 0.83, 0.9, 0.97, 1.15, 1.35, 1.0]))
"""Sales of Monday to Sunday, as logarithms of multiples of the mean day."""
LEAD_DAYS: Final = 6
LEAD_DECAY: Final = 0.6
"""People buy in the days before a commemorative date: each day further off has this share of the peak."""


@dataclass(frozen=True, slots=True, eq=False)
class Tastes:
    """How each product sells; (n_products,) each.

    Attributes:
        units: a mean day's sales at the first day's price.
        elasticity: relative change of sales over relative change of price; below zero.
        trend: of sales, per year, of their logarithm.
        season: amplitude of the year, of the logarithm; phase: its high day, in parts of a year.
        week: how much of the common week it has, 1 for all.
    """

    units: Amounts
    elasticity: Amounts
    trend: Amounts
    season: Amounts
    phase: Amounts
    week: Amounts


def draw_tastes(price: Amounts, generator: np.random.Generator) -> Tastes:
    """Tastes for products at a price, (n_products,): the dearer, the fewer are sold."""
    n = len(price)
    return Tastes(
        units=np.clip(150.0 / np.sqrt(price) * np.exp(generator.normal(0.0, 0.5, n)), 4.0, 400.0),
        elasticity=-generator.uniform(1.2, 3.2, n),
        trend=generator.normal(0.0, 0.05, n),
        season=generator.uniform(0.05, 0.25, n),
        phase=generator.random(n),
        week=generator.uniform(0.6, 1.3, n),
    )


def peak_factors(days: NDArray[np.datetime64], peaks: Mapping[str, float]) -> Amounts:
    """How many times the usual is sold, (n_days,), for a category with these peaks."""
    factors = np.ones(len(days))
    years = np.unique(days.astype("datetime64[Y]").astype(int) + 1970)
    for year in range(int(years[0]), int(years[-1]) + 2):  # the days before a date may lie in the year before
        for name, day in brazilian_commemorative_dates(year).items():
            before = (np.datetime64(day, "D") - days).astype(np.int64)
            share = np.where((before >= 0) & (before <= LEAD_DAYS), LEAD_DECAY ** np.maximum(before, 0), 0.0)
            factors = np.maximum(factors, 1.0 + (peaks.get(name, ORDINARY_PEAK) - 1.0) * share)
    return factors


def sold(
    tastes: Tastes, prices: Amounts, days: NDArray[np.datetime64], peaks: Amounts, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Quantities sold of every product and day.

    Args:
        tastes: of each product.
        prices: (n_products, n_days).
        days: (n_days,) datetime64[D].
        peaks: (n_products, n_days) multiples of the usual.
        generator: seeds the noise; a longer span begins the same.

    Returns:
        (n_products, n_days) whole units, 0 or more.
    """
    year = days.astype("datetime64[D]").astype(np.int64) / 365.25
    weekday = (days.astype(np.int64) + 3) % 7
    expected = (
        tastes.elasticity[:, None] * np.log(prices / prices[:, :1])
        + tastes.week[:, None] * WEEK[weekday]
        + tastes.season[:, None] * np.cos(2 * np.pi * (year - tastes.phase[:, None]))
        + tastes.trend[:, None] * (year - year[0])
        + np.log(peaks)
    ) + np.log(tastes.units)[:, None]
    # Two streams, each drawn day after day: with one, the counts would begin where the noise of a longer span ends.
    of_noise, of_counts = generator.spawn(2)
    noise = of_noise.normal(0.0, 0.12, size=prices.T.shape)
    return np.asarray(of_counts.poisson(np.exp(expected.T + noise)).T, dtype=np.int64)
