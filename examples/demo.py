"""The demo: fifty products brought to a forecast by Dagster, then one of them changed, and only that one brought up to date.

`make demo` runs it and stays up until Ctrl-C; `make demo ONCE=1` ends by itself. Everything lies in `.demo/`.
"""

import argparse
import csv
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pricecast_dagster.errors import PricecastError
from pricecast_dagster.orchestration.client import UNFINISHED
from pricecast_dagster.orchestration.launch import Dagster, running
from pricecast_dagster.schemas import STAGES
from pricecast_dagster.settings import Settings, load_settings
from pricecast_dagster.sources.synthetic import make_retailer, write_retailer
from pricecast_dagster.storage.keys import encode_key

FOLDER = Path(".demo")
PRODUCTS = 50
DAYS = 365
SEED = 42
# Fifty trials, the default, would take a few minutes for fifty products; eight show the same way in less than one.
TRIALS = 8
CHUNK = 10
CHANGED_DAYS = 7
LONGEST_WAIT_SECONDS = 600.0

BEGAN = time.monotonic()


def say(text: str) -> None:
    """A line with the seconds since the start."""
    print(f"{time.monotonic() - BEGAN:6.1f} s  {text}", flush=True)


def main() -> int:
    """Run the demo; 0 if exactly the changed product was brought up to date."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--once", action="store_true", help="end by itself")
    parser.add_argument("--port", type=int, default=0, help="of Dagster's web page; a free one unless given")
    options = parser.parse_args()
    settings = prepare()
    try:
        with running(settings, port=options.port, tell=say) as dagster:
            exact = show(dagster, settings)
            say(f"Look around: {dagster.url}/asset-groups")
            if not options.once:
                say("Ctrl-C ends it.")
                while True:
                    dagster.watch()
                    time.sleep(1)
    except KeyboardInterrupt:
        say("Stopped.")
        return 0
    except PricecastError as error:
        say(f"Error: {error}")
        return 1
    return 0 if exact else 1


def prepare() -> Settings:
    """A new home and a new retailer."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    source = FOLDER / "source"
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    write_retailer(make_retailer(days=DAYS, products=PRODUCTS, seed=SEED, last_day=yesterday), source)
    say(f"A retailer of {PRODUCTS} products x {DAYS} days is in {source} ({TRIALS} tuning trials a product; the default is 50).")
    return load_settings(home=str(FOLDER / "home"), source=str(source), trials=TRIALS, chunk_size=CHUNK)


def show(dagster: Dagster, settings: Settings) -> bool:
    """The demo's story; True if it went as it should."""
    say("Nobody starts anything from here on: the sensor sees the files.")
    wait_for_forecasts(dagster)
    before = materializations(dagster)
    sku = change_one_product(Path(settings.source) / "prices.csv")
    say(f"Changed in prices.csv: the last {CHANGED_DAYS} days of {sku}, 10 % cheaper. Waiting for the sensor.")
    key = encode_key(sku)
    dagster.wait_until(
        lambda: dagster.client.counts("forecast")[key] > before["forecast"][key] and idle(dagster),
        f"no new forecast of {sku}",
        LONGEST_WAIT_SECONDS,
    )
    exact = compare(before, materializations(dagster), key)
    predict(settings, sku)
    return exact


def wait_for_forecasts(dagster: Dagster) -> None:
    """Wait until every product has a forecast, with a line for every ten on the way."""
    told = -CHUNK

    def done() -> bool:
        nonlocal told
        count = len(dagster.client.partition_status("forecast").materialized)
        if count >= told + CHUNK:
            say(f"{count} of {PRODUCTS} products have a forecast.")
            told = count - count % CHUNK
        return count >= PRODUCTS and idle(dagster)

    dagster.wait_until(done, "not every product has a forecast", LONGEST_WAIT_SECONDS)


def idle(dagster: Dagster) -> bool:
    """Whether no run is under way."""
    return not dagster.client.runs(statuses=UNFINISHED)


def materializations(dagster: Dagster) -> dict[str, Counter[str]]:
    """Asset -> partition -> how often Dagster saw it materialized."""
    return {stage.value: dagster.client.counts(stage.value) for stage in STAGES}


def change_one_product(prices: Path) -> str:
    """Make one product's last days cheaper in the source; returns its SKU."""
    with prices.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    sku = lines[len(lines) // 2]["sku"]
    own = sorted((line for line in lines if line["sku"] == sku), key=lambda line: line["date"])
    for line in own[-CHANGED_DAYS:]:
        line["price"] = f"{float(line['price']) * 0.9:.2f}"
    unfinished = prices.with_name(".prices.part")
    with unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    unfinished.replace(prices)
    return sku


def compare(before: dict[str, Counter[str]], after: dict[str, Counter[str]], key: str) -> bool:
    """Show what was materialized between the two; True if it was once this partition of every asset, and nothing else."""
    say("What Dagster materialized since the change:")
    exact = True
    for asset in after:
        new = after[asset] - before[asset]
        exact = exact and new == Counter({key: 1})
        print(f"          {asset:<14} {', '.join(f'{name} x{count}' for name, count in new.items()) or 'nothing'}")
    say(f"Exactly {key} in four assets, no other product." if exact else "That is NOT what it should be.")
    return exact


def predict(settings: Settings, sku: str) -> None:
    """The forecast, as anybody would ask for it."""
    say(f"pricecast predict {sku}")
    environment = {**os.environ, "PRICECAST_HOME": settings.home, "PRICECAST_SOURCE": settings.source}
    command = [sys.executable, "-c", "from pricecast_dagster.cli.main import main; main()", "predict", sku]
    subprocess.run(command, env=environment, check=True)


if __name__ == "__main__":
    sys.exit(main())
