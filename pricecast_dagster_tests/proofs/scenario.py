"""The scenario: a retailer's weeks in front of a real Dagster, each step counted.

    python -m pricecast_dagster_tests.proofs.scenario --products 500 --database postgresql

Belongs here: the steps and the table. Not here: how a step is judged (`platform`), the browser's share (`browser`).
"""

import argparse
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from pricecast_dagster_tests.databases import KINDS
from pricecast_dagster_tests.postgres import postgres_server
from pricecast_dagster_tests.proofs import person
from pricecast_dagster_tests.proofs.browser import CHROMIUM, Browser, browsing
from pricecast_dagster_tests.proofs.platform import PACKAGE, Platform, new_platform
from pricecast_dagster_tests.proofs.world import BROKEN_QUANTITY

PICTURES = PACKAGE.parent / ".proof"
THREE_MONTHS = 92
IDLE_LOOKS = 10


def play(platform: Platform, pictures: Path | None, scattered: int) -> None:
    """The whole; without a folder for pictures a person's share is left out."""
    skus = sorted(platform.world.products)
    with platform.up():
        platform.write()
        platform.settle("first run", 4 * len(skus))
        platform.settle(f"idle for {IDLE_LOOKS} looks", 0, looks=IDLE_LOOKS, computing=False)
        platform.write(shuffle=11)
        platform.settle("the same rows, shuffled, in files of other names", 0, looks=3, computing=False)
        for count in (1, 7, len(skus) * 120 // 500):
            change(platform, skus[1 :: max(1, len(skus) // count)][:count])
            platform.settle(f"a new day of {count} scattered products", 4 * count)
        correct(platform, skus[20])
        platform.settle("a correction of a day three months ago", 4)
        if pictures is not None and platform.dagster is not None:
            with browsing(platform.dagster.url, pictures) as browser:
                person.one_model_while_a_batch_runs(platform, browser, skus[1::3], skus[20])
                person.backfills(platform, browser, skus, scattered)
                refuse(platform, skus[3], browser)
        else:
            refuse(platform, skus[3], None)
        come_and_go(platform, skus)
    copy = platform.raise_code("feature_table")
    with platform.up(copy):
        platform.settle("code version of the features raised")


def change(platform: Platform, skus: list[str]) -> None:
    for sku in skus:
        platform.world.append_day(sku, 1.03)
    platform.write()


def correct(platform: Platform, sku: str) -> None:
    rows = platform.world.products[sku]
    day = max(rows) - THREE_MONTHS
    price, quantity = rows[day]
    rows[day] = (round(price + 0.5, 2), quantity)
    platform.write()


def come_and_go(platform: Platform, skus: list[str]) -> None:
    """Three new products and two gone, then one of those back."""
    world = platform.world
    gone = {sku: world.products.pop(sku) for sku in (skus[5], skus[-1])}
    for number in range(3):
        world.add(f"new/{number}", 45, number)
    platform.write()
    platform.settle("3 new products, 2 gone", 12)
    world.products[skus[5]] = gone[skus[5]]
    platform.write()
    platform.settle("1 of the gone back", 4)


def refuse(platform: Platform, sku: str, browser: Browser | None) -> None:
    """A product whose rows make no features, and its correction."""
    rows = platform.world.products[sku]
    last = max(rows)
    good = rows[last]
    rows[last] = (good[0], BROKEN_QUANTITY)
    platform.write()
    platform.settle("a product whose features fail: red alone", 2)
    if browser is not None:
        person.look_at_failure(platform, browser, "feature_table", sku)
    platform.settle(f"not tried again in {IDLE_LOOKS} looks", 0, looks=IDLE_LOOKS, computing=False)
    rows[last] = good
    platform.write()
    # Rows and features are again what the model was made from: it is not touched.
    platform.settle("corrected: green", 3)


def table(platform: Platform) -> str:
    """The steps as Markdown."""
    head = ["step", "expected", "counted", "failed", "runs", "seconds", "reasons"]
    rows = [
        [line.step, line.expected, line.counted, line.failed, line.runs, f"{line.seconds:.0f}", line.reasons]
        for line in platform.lines
    ]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in (head, ["---"] * len(head), *rows))


def main() -> None:
    """Play the scenario; exit code 1 where a count is not what it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, default=500)
    parser.add_argument("--database", choices=KINDS, default="sqlite")
    parser.add_argument("--seconds", type=float, default=900.0, help="longest wait for one step")
    parser.add_argument("--scattered", type=int, default=40, help="products of the scattered backfill, a run each")
    parser.add_argument("--no-browser", action="store_true", help="leave out what a person does")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="proof-")))
        url = stack.enter_context(postgres_server())() if options.database == "postgresql" else ""
        if url:
            os.environ["PRICECAST_DATABASE_URL"] = url  # as dagster.yaml wants it
        os.chdir(folder)  # or the repository's own code would come before the copy with another version
        platform = new_platform(folder / "platform", options.products, url, seconds=options.seconds)
        play(platform, None if options.no_browser or not CHROMIUM.exists() else PICTURES / options.database, options.scattered)
        print(f"\n{options.products} products on {options.database}\n{table(platform)}")
    sys.exit(not all(line.right for line in platform.lines))


if __name__ == "__main__":
    main()
