"""When to look for new recipes: never, monthly, weekly, daily, or when the monitor asks; on a retailer whose troubles are known.

Every policy serves the same products for 180 days with the real models; a training is a contest of a tuned recipe with the
champion's. Printed: what the monitor found of the planted troubles, how late, and how often it was wrong; then the error of what
was served under each policy, beside the last value's and beside weekly's on the same products, and the tuning trials it cost.

Compared are so many products of each trouble and so many quiet ones; the portfolio is their mean in the shares of the retailer.
First the monitor's policy on these and on others that only it watches, up to the whole retailer, fifty together; then the other
policies product by product, until the minutes are used up. With a file of finished batches the next call, of the same code, goes
on where this one stopped.

Run: python -m benchmarks.policies [--troubled 2] [--quiet 10] [--watched 0] [--policies never weekly monthly] [--daily 0]
     [--trials 4] [--seed 2] [--minutes 6] [--processes 1] [--keep FILE]
"""

import argparse
import json
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.policy import Rule
from pricecast_dagster.settings import RETRAIN_LIMITS
from pricecast_dagster_tests.monitoring import simulation
from pricecast_dagster_tests.monitoring.carrying import HORIZON
from pricecast_dagster_tests.monitoring.truth import LEARNT_DAYS, SHARES, Trouble, Truth, make_truth

OURS, NEVER, MONTHLY, WEEKLY, DAILY = "ours", "never", "monthly", "weekly", "daily"
STEPS = {NEVER: 0, MONTHLY: 30, WEEKLY: 7, DAILY: 1}
BESIDE = (NEVER, WEEKLY, MONTHLY)
ALARMS = (Rule.ACCURACY, Rule.NAIVE, Rule.DRIFT, Rule.SHIFT, Rule.CORRECTION)
PRODUCTS = 300
WATCHED_TOGETHER = 50
"""Products whose drift is corrected for each other; a shop corrects 500 together."""

SOON_DAYS = 7

Rows = dict[str, list[dict[str, Any]]]


def main() -> None:
    """Run what is not done yet and fits into the time, then print the tables of what is done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--troubled", type=int, default=2, help="products of each trouble, served under every policy")
    parser.add_argument("--quiet", type=int, default=10, help="products without trouble, served under every policy")
    parser.add_argument("--watched", type=int, default=0, help="products under the monitor's policy, at least those compared")
    parser.add_argument("--policies", nargs="+", choices=BESIDE, default=BESIDE, help="beside the monitor's and daily")
    parser.add_argument("--daily", type=int, default=0, help="of those compared, trained daily too")
    parser.add_argument("--trials", type=int, default=4, help="of each tuning")
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=6.0, help="of time; no batch begins later")
    parser.add_argument("--processes", type=int, default=1, help="batches at a time")
    parser.add_argument("--keep", type=Path, help="file of finished batches")
    chosen = parser.parse_args()
    truth = make_truth(PRODUCTS, seed=chosen.seed)
    done = _kept(chosen.keep)
    wanted = {_name(policy, numbers, chosen): (policy, numbers) for policy, numbers in _batches(truth, chosen)}
    stop = time.time() + 60 * chosen.minutes
    with ProcessPoolExecutor(chosen.processes, get_context("spawn")) as processes:
        waiting = {
            processes.submit(_serve_before, stop, truth.select(numbers), numbers, policy, chosen.trials): name
            for name, (policy, numbers) in wanted.items()
            if name not in done
        }
        for finished in as_completed(waiting):
            rows = finished.result()
            if rows is not None:
                done[waiting[finished]] = rows
                _keep(chosen.keep, waiting[finished], rows)
    found: Rows = {}
    for name, (policy, _) in wanted.items():
        found.setdefault(policy, []).extend(done.get(name, []))
    _print_detection(found.get(OURS, []))
    _print_policies(found)


def _batches(truth: Truth, chosen: argparse.Namespace) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Every policy of one product after the other, quiet and troubled in turn, so that the time may be up at any moment."""
    parts = [_spread(truth.of(trouble), chosen.troubled) for trouble in SHARES]
    troubled = _in_turn(parts, [np.arange(len(some)) for some in parts])
    quiet = _spread(truth.of(Trouble.NONE), chosen.quiet)
    compared = _in_turn([troubled, quiet], [np.linspace(0, 1, len(some), endpoint=False) for some in (troubled, quiet)])
    others = _spread(np.setdiff1d(np.arange(PRODUCTS), compared), max(chosen.watched - len(compared), 0))
    watched = np.union1d(compared, others)
    together = -(-len(watched) // WATCHED_TOGETHER)
    yield from ((OURS, watched[position::together]) for position in range(together))
    for position, number in enumerate(compared):
        policies = (*chosen.policies, *([DAILY] if position < chosen.daily else []))
        yield from ((policy, np.array([number])) for policy in policies)


def _in_turn(parts: list[NDArray[np.intp]], places: list[NDArray[Any]]) -> NDArray[np.intp]:
    """All of the parts in the order of their places; of equal places the earlier part's comes first."""
    return np.concatenate(parts)[np.argsort(np.concatenate(places), kind="stable")]


def _spread(numbers: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """So many of them, evenly chosen."""
    return numbers[np.linspace(0, len(numbers) - 1, min(count, len(numbers))).astype(np.intp)]


def _kept(file: Path | None) -> dict[str, list[dict[str, Any]]]:
    if file is None or not file.exists():
        return {}
    return {line["name"]: line["rows"] for line in map(json.loads, file.read_text().splitlines())}


def _name(policy: str, numbers: NDArray[np.intp], chosen: argparse.Namespace) -> str:
    return f"{policy}:{chosen.seed}:{chosen.trials}:{','.join(map(str, numbers))}"


def _keep(file: Path | None, name: str, rows: list[dict[str, Any]]) -> None:
    if file is not None:
        with file.open("a") as lines:
            lines.write(json.dumps({"name": name, "rows": rows}) + "\n")


def _serve_before(stop: float, truth: Truth, numbers: NDArray[np.intp], policy: str, trials: int) -> list[dict[str, Any]] | None:
    """What `_serve` gives, or nothing when the time (of the clock, which every process reads) is up before it begins."""
    return _serve(truth, numbers, policy, trials) if time.time() < stop else None


def _serve(truth: Truth, numbers: NDArray[np.intp], policy: str, trials: int) -> list[dict[str, Any]]:
    """One row a product: its trouble, its requests, its served error over the last value's, its trials."""
    limits = {Rule(name): limit for name, limit in RETRAIN_LIMITS.items()}
    decide = simulation.watching(limits) if policy == OURS else simulation.every(STEPS[policy])
    # A promoted recipe is on probation in a shop; trained every week, it is replaced before that could end.
    service = simulation.run(truth, decide, trials=trials, on_probation=policy == OURS)
    noisy = simulation.noisy_days(service) if policy == OURS else np.zeros(truth.panel.price.shape, dtype=np.bool_)
    errors = service.errors()
    naive = np.where(np.isfinite(errors), _last_value_errors(truth), np.nan)
    return [
        {
            "product": int(numbers[position]),
            "trouble": truth.trouble[position].value,
            "day": int(truth.day[position]),
            "requests": [
                [asked.day, asked.due.rule.value] for asked in service.requests if asked.product == position and asked.due
            ],
            "noisy": np.flatnonzero(np.diff(noisy[position], prepend=False) & noisy[position]).tolist(),
            "promoted": [day for number, day in service.promoted if number == position],
            "rolled_back": [day for number, day in service.rolled_back if number == position],
            "squared": float(np.nansum(errors[position] ** 2)),
            "naive_squared": float(np.nansum(naive[position] ** 2)),
            "absolute": float(np.nansum(np.abs(errors[position]))),
            "naive_absolute": float(np.nansum(np.abs(naive[position]))),
            "trials": service.studied[position] * trials,
        }
        for position in range(len(numbers))
    ]


def _last_value_errors(truth: Truth) -> NDArray[np.float64]:
    days = truth.panel.n_days
    origins = np.arange(LEARNT_DAYS - 1, days)
    ahead = np.minimum(origins[:, None] + 1 + np.arange(HORIZON), days - 1)
    return truth.panel.price[:, origins][:, :, None] - truth.corrected[:, ahead]


def _print_detection(rows: list[dict[str, Any]]) -> None:
    served_days = 540 - LEARNT_DAYS
    print(f"{len(rows)} products watched for {served_days} days\n")
    print("| trouble | products | found | within 7 days | median delay, days | told as noise | median delay, days |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for trouble in Trouble:
        some = [row for row in rows if row["trouble"] == trouble.value]
        if trouble is Trouble.NONE or not some:
            continue
        asked = _delays(some, [[day for day, rule in row["requests"] if rule in ALARMS] for row in some])
        told = _delays(some, [row["noisy"] for row in some])
        soon = sum(delay <= SOON_DAYS for delay in asked) / len(some)
        parts = [f"{len(asked) / len(some):.0%}", f"{soon:.0%}", _median(asked), f"{len(told) / len(some):.0%}", _median(told)]
        print(f"| {trouble.value} | {len(some)} | " + " | ".join(parts) + " |")
    quiet = [row for row in rows if row["trouble"] == Trouble.NONE.value]
    months = len(quiet) * served_days / 30.4 / 100
    false = [rule for row in quiet for _, rule in row["requests"] if rule in ALARMS]
    by_rule = {rule.value: false.count(rule.value) for rule in ALARMS if rule.value in false}
    noisy = sum(len(row["noisy"]) for row in quiet)
    print(f"\nfalse alarms per 100 quiet products and month: {len(false) / months:.2f} ({len(false)} in all: {by_rule}),")
    print(f"of noise, which asks for nothing: {noisy / months:.2f} ({noisy} in all)")
    for what in ("promoted", "rolled_back"):
        print(f"recipes {what.replace('_', ' ')}: {sum(len(row[what]) for row in rows)}")
    print()


def _delays(rows: list[dict[str, Any]], days: list[list[int]]) -> list[int]:
    """Days from the trouble to the first alarm after it, of those that had one."""
    first = [
        min((day - row["day"] for day in found if day >= row["day"]), default=None) for row, found in zip(rows, days, strict=True)
    ]
    return [delay for delay in first if delay is not None]


def _median(delays: list[int]) -> str:
    return f"{np.median(delays):.0f}" if delays else ""


def _print_policies(found: Rows) -> None:
    """Each policy beside weekly, on the products that are done under both; means are of the retailer, with standard errors."""
    by_policy = {policy: {row["product"]: row for row in rows} for policy, rows in found.items()}
    weekly = by_policy.get(WEEKLY, {})
    print("| policy | products | squared error over the last value's | RMSE over weekly's | with a trouble | quiet | trials |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for policy in (NEVER, MONTHLY, WEEKLY, DAILY, OURS):
        rows = [row for number, row in sorted(by_policy.get(policy, {}).items()) if number in weekly]
        troubles = np.array([row["trouble"] for row in rows])
        if len(set(troubles) - {Trouble.NONE.value}) == 0 or Trouble.NONE.value not in troubles:
            continue
        over_weekly = np.sqrt(np.array([row["squared"] / weekly[row["product"]]["squared"] for row in rows]))
        parts = [tuple(Trouble), tuple(SHARES), (Trouble.NONE,)]
        shown = " | ".join("{:.4f} ± {:.4f}".format(*_mean(over_weekly, troubles, part)) for part in parts)
        error = _mean(np.array([row["squared"] / row["naive_squared"] for row in rows]), troubles, tuple(Trouble))[0]
        cost = _mean(np.array([float(row["trials"]) for row in rows]), troubles, tuple(Trouble))[0]
        print(f"| {policy} | {len(rows)} | {error:.3f} | {shown} | {cost:.1f} |")


def _mean(values: NDArray[np.float64], troubles: NDArray[np.str_], of: tuple[Trouble, ...]) -> tuple[float, float]:
    """Mean and its standard error of the products with these troubles, each trouble with its share of the retailer."""
    shares, means, errors = [], [], []
    for trouble in of:
        own = values[troubles == trouble.value]
        if len(own):
            shares.append(SHARES.get(trouble, PRODUCTS - sum(SHARES.values())))
            means.append(own.mean())
            errors.append(own.std(ddof=1) / np.sqrt(len(own)) if len(own) > 1 else np.nan)
    weights = np.array(shares) / sum(shares)
    # Of a trouble with a single product nothing is known; it is taken to be as uncertain as the most uncertain one.
    known = np.array(errors)
    filled = np.where(np.isfinite(known), known, np.max(known, initial=0.0, where=np.isfinite(known)))
    return float(weights @ np.array(means)), float(np.sqrt((weights**2) @ (filled**2)))


if __name__ == "__main__":
    main()
