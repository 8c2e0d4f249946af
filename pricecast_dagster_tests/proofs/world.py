"""A retailer as plain Python: products, each a mapping from day to price and quantity, and the folder they are exported to.

Belongs here: contents, changes of them, and writing them down in one of many equal ways. Not here: what should follow from a
change (`propagation`). Nothing of pricecast is used: what counts as "the same rows" is judged here by comparing mappings.
"""

import csv
import gzip
import io
import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

FIRST_DAY = date(2026, 1, 1)
LONG_DAYS, SHORT_DAYS, MODEL_DAYS = 70, 20, 60
"""With 60 days a product gets a model; no short one of a history ever grows so long."""

BROKEN_QUANTITY = 1e300
"""The price is fine, every feature of such a quantity overflows."""

Rows = dict[int, tuple[float, float]]


@dataclass
class World:
    """What the retailer has, and how it was written down last."""

    folder: Path
    products: dict[str, Rows] = field(default_factory=dict)
    written: int = 0

    def add(self, sku: str, days: int, seed: int) -> None:
        dice = random.Random(f"{sku}/{seed}")
        price = 10.0
        rows: Rows = {}
        for day in range(days):
            if dice.random() < 0.1:
                price = round(price * dice.uniform(0.9, 1.12), 2)
            rows[day] = (price, float(dice.randint(0, 9)))
        self.products[sku] = rows

    def append_day(self, sku: str, factor: float) -> None:
        rows = self.products[sku]
        last = max(rows)
        rows[last + 1] = (round((rows[last][0] or 9.0) * factor, 2), 3.0)

    def correct_day(self, sku: str, day: int, cents: int) -> None:
        """Another price on a day long past."""
        rows = self.products[sku]
        price, quantity = rows[day % len(rows)]
        rows[day % len(rows)] = (round(price + cents / 100, 2), quantity)

    def write(self, shuffle: int) -> None:
        """Export everything; the number chooses order of rows, number and names of files, and their packing."""
        dice = random.Random(shuffle)
        self.written += 1
        for old in self.folder.glob("*"):
            old.unlink()
        lines = [
            (sku, str(FIRST_DAY + timedelta(day)), f"{price:.{2 + shuffle % 3}f}", repr(quantity))
            for sku, rows in self.products.items()
            for day, (price, quantity) in rows.items()
        ]
        dice.shuffle(lines)
        parts = 1 + shuffle % 3
        for part in range(parts):
            self._export(f"history-{self.written}-{part}", lines[part::parts], packed=dice.random() < 0.3)
        self._export("products", [(sku, f"Product {sku}", "things") for sku in self.products], head=("sku", "name", "category"))

    def _export(
        self,
        name: str,
        lines: list[tuple[str, ...]],
        *,
        head: tuple[str, ...] = ("sku", "date", "price", "quantity"),
        packed: bool = False,
    ) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([head, *lines])
        data = text.getvalue().encode()
        file = self.folder / (f"{name}.csv.gz" if packed else f"{name}.csv")
        file.write_bytes(gzip.compress(data) if packed else data)
