"""The synthetic retailer of 200 products x 365 days, against the plain way: a loop over products and days.

The peer draws as many random numbers and does a fair part of the arithmetic of a price and a sale, in Python, one product
and day at a time; it is a floor of what such a loop costs. The reference system takes 2-3 minutes.
Run: python -m benchmarks.synthetic
"""

import math
import random
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.timing import REPEATS, best_seconds
from pricecast_dagster.sources.synthetic import make_retailer, write_retailer

PRODUCTS, DAYS, SEED = 200, 365, 42
LAST_DAY = date(2026, 5, 31)
TARGET_SECONDS = 1.0


def plain_loop() -> list[tuple[str, int, float, int]]:
    """Sticky prices and demand, one product and day at a time."""
    source = random.Random(SEED)
    rows = []
    for product in range(PRODUCTS):
        regular = math.exp(source.uniform(1.5, 5.0))
        price, promotion = regular, False
        for day in range(DAYS):
            chance = source.random()
            if promotion and chance < 0.25:
                price, promotion = regular, False
            elif not promotion and chance < 0.02:
                price, promotion = round(regular * source.uniform(0.7, 0.9), 2), True
            season = 0.2 * math.cos(2 * math.pi * day / 365.25) + 0.2 * math.sin(2 * math.pi * day / 7)
            expected = 20 * math.exp(-2 * math.log(price / regular) + season + source.gauss(0, 0.12))
            rows.append((f"SKU{product:04d}", day, price, max(0, round(source.gauss(expected, math.sqrt(expected))))))
    return rows


def main() -> None:
    """Print both times, the ratio, and whether the target is met."""
    retailer = make_retailer(DAYS, PRODUCTS, SEED, LAST_DAY)
    ours = best_seconds(lambda: make_retailer(DAYS, PRODUCTS, SEED, LAST_DAY))
    with TemporaryDirectory() as folder:
        written = best_seconds(lambda: write_retailer(retailer, Path(folder)))
    theirs = best_seconds(plain_loop)
    print(f"{PRODUCTS} products x {DAYS} days, process time, best of {REPEATS}")
    print(f"  pricecast, made             {ours:7.3f} s   target under {TARGET_SECONDS} s")
    print(f"  pricecast, written as CSV   {written:7.3f} s")
    print(f"  a loop in Python, made      {theirs:7.3f} s   {theirs / ours:.0f} times as long")


if __name__ == "__main__":
    main()
