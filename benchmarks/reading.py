"""Reading and cleaning a source, against `pandas.read_csv` of the same files, which cleans nothing and accounts for nothing.

Three sources: the synthetic retailer of 200 products and a year (73,000 prices, 73,000 sales), a history of a million rows, and
the same with every field quoted. Run: python -m benchmarks.reading
"""

import csv
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import pandas as pd

from benchmarks.timing import REPEATS, best_seconds
from pricecast_dagster.settings import load_settings
from pricecast_dagster.sources.fingerprint import history_versions
from pricecast_dagster.sources.reading import read_source
from pricecast_dagster.sources.synthetic import make_retailer, write_retailer

LAST_DAY = date(2026, 5, 31)


def pandas_reads(folder: Path) -> None:
    """What most people write; dates parsed, SKUs as texts."""
    for path in sorted(folder.glob("*.csv")):
        dates = [] if path.name == "products.csv" else ["date"]
        pd.read_csv(path, dtype={"sku": str}, parse_dates=dates)


def million_rows(folder: Path, quoting: Literal[0, 1]) -> None:
    """500 products and 2,000 days, price and quantity in one row."""
    retailer = make_retailer(2000, 500, 1, LAST_DAY)
    history = retailer.prices.assign(quantity=retailer.sales["quantity"])
    history.to_csv(folder / "history.csv", index=False, quoting=quoting)


def measure(title: str, folder: Path) -> None:
    """Print one line of the table."""
    settings = load_settings(source=str(folder))
    data = read_source(settings, today=LAST_DAY)
    ours = best_seconds(lambda: read_source(settings, today=LAST_DAY))
    versions = best_seconds(lambda: history_versions(data.history))
    theirs = best_seconds(lambda: pandas_reads(folder))
    print(f"{title:<34}{data.counts['lines']:>10,}{ours:>11.2f}{versions:>11.3f}{theirs:>11.2f}{ours / theirs:>8.1f}")


def main() -> None:
    """Print the table."""
    print(f"process time in seconds, best of {REPEATS}")
    print(f"{'source':<34}{'lines':>10}{'pricecast':>11}{'versions':>11}{'read_csv':>11}{'ratio':>8}")
    with TemporaryDirectory() as folder:
        write_retailer(make_retailer(365, 200, 42, LAST_DAY), Path(folder))
        measure("retailer, 200 products x 365", Path(folder))
    variants: tuple[tuple[str, Literal[0, 1]], ...] = (
        ("history, a million rows", csv.QUOTE_MINIMAL),
        ("the same, all quoted", csv.QUOTE_ALL),
    )
    for title, quoting in variants:
        with TemporaryDirectory() as folder:
            million_rows(Path(folder), quoting)
            measure(title, Path(folder))


if __name__ == "__main__":
    main()
