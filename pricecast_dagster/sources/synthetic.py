"""The synthetic retailer: a source of the same form as a real one, for demos and tests.

Belongs here: putting products, prices and sales together, and writing them as files. Not here: how they come about
(`catalogue`, `shelf`, `demand`).
"""

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.schemas import CATEGORY, DATE, NAME, PRICE, QUANTITY, SKU
from pricecast_dagster.sources.catalogue import CATEGORIES, make_products
from pricecast_dagster.sources.demand import draw_tastes, peak_factors, sold
from pricecast_dagster.sources.shelf import draw_habits, shelf_prices

if TYPE_CHECKING:
    import pandas as pd

PRODUCTS_FILE: Final = "products.csv"
PRICES_FILE: Final = "prices.csv"
SALES_FILE: Final = "sales.csv"

EAGERNESS_OF_PEAKS: Final = 1.5
"""How much readier for a promotion the shop is where twice the usual is sold."""


@dataclass(frozen=True, slots=True, eq=False)
class Retailer:
    """A made-up retailer.

    Attributes:
        products: sku, name, category.
        prices: sku, date, price; every product and day, sorted.
        sales: sku, date, quantity; every product and day, sorted, 0 where nothing was sold.
    """

    products: "pd.DataFrame"
    prices: "pd.DataFrame"
    sales: "pd.DataFrame"


def make_retailer(days: int, products: int, seed: int, last_day: date) -> Retailer:
    """Make a retailer up; the same arguments give the same one.

    Trend, yearly and weekly seasons, peaks on Brazilian commemorative dates, sticky prices with promotions, an elasticity
    per product, noise. A history that begins on the same day begins the same however many days it has, so that "the next
    day of the same retailer" is `days + 1` and `last_day` a day later.

    Args:
        days: of history, up to and with `last_day`.
        products: how many.
        seed: 0 or more.
        last_day: of the history.

    Raises:
        ValueError: days or products is under 1, or the seed under 0.
    """
    import pandas as pd

    if days < 1 or products < 1 or seed < 0:
        raise ValueError(f"days and products begin at 1 and seeds at 0, got {days}, {products} and {seed}")
    listed = make_products(products)
    calendar = np.datetime64(last_day, "D") - np.arange(days)[::-1]
    of_habits, of_prices, of_tastes, of_sales = np.random.default_rng(seed).spawn(4)
    categories = [CATEGORIES[category] for category in listed[CATEGORY]]
    cheapest, dearest = (np.array([getattr(one, bound) for one in categories]) for bound in ("cheapest", "dearest"))
    peaks = _by_category(listed[CATEGORY].tolist(), calendar)
    habits = draw_habits(cheapest, dearest, of_habits)
    prices = shelf_prices(habits, calendar, peaks**EAGERNESS_OF_PEAKS, of_prices)
    quantities = sold(draw_tastes(prices[:, 0], of_tastes), prices, calendar, peaks, of_sales)

    skus = pd.array(listed[SKU].tolist(), dtype="str").take(np.repeat(np.arange(products), days))
    dates = np.tile(calendar.astype("datetime64[s]"), products)
    return Retailer(
        products=listed,
        prices=pd.DataFrame({SKU: skus, DATE: dates, PRICE: prices.ravel()}),
        sales=pd.DataFrame({SKU: skus, DATE: dates, QUANTITY: quantities.ravel()}),
    )


def write_retailer(retailer: Retailer, folder: Path) -> None:
    """Write `products.csv`, `prices.csv` and `sales.csv`, made anew or in place of what is there, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in (
        (PRODUCTS_FILE, retailer.products),
        (PRICES_FILE, retailer.prices),
        (SALES_FILE, retailer.sales),
    ):
        unfinished = folder / f".{name}.{os.getpid()}.part"
        try:
            _write(frame, unfinished)
            unfinished.replace(folder / name)
        finally:
            unfinished.unlink(missing_ok=True)


def _write(frame: "pd.DataFrame", path: Path) -> None:
    import pyarrow as pa
    from pyarrow import csv

    table = pa.Table.from_pandas(frame, preserve_index=False)
    if DATE in table.column_names:
        position = table.column_names.index(DATE)
        table = table.set_column(position, DATE, table.column(DATE).cast(pa.date32()))
    # Arrow writes 150,000 rows in 0.05 s, pandas in 0.4.
    # Its "needed" puts quotes around every text; only names have commas.
    style = "needed" if NAME in table.column_names else "none"
    csv.write_csv(table, path, csv.WriteOptions(quoting_style=style))


def _by_category(categories: list[str], calendar: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """(n_products, n_days) multiples of usual sales."""
    factors = {name: peak_factors(calendar, CATEGORIES[name].peaks) for name in dict.fromkeys(categories)}
    return np.stack([factors[name] for name in categories])
