"""When to look for new recipes: never, monthly, weekly, daily, or when the monitor asks; on a retailer whose troubles are known.

Every policy serves the same products for 180 days with the real models; a training is a contest of a tuned recipe with the
champion's.
Printed: what the monitor found of the planted troubles, how late, and how often it was wrong; then the error of what was served
under
each policy, beside the last value's, and the tuning trials it cost. Products are run in batches; finished ones are kept in a
file, so that an interrupted run goes on where it was.

Run: python -m benchmarks.policies [--products 60] [--compared 12] [--daily 0] [--trials 4] [--seed 2] [--keep FILE]
(about six minutes of one core; docs/monitoring.md has `--products 300 --compared 24 --daily 4`, about twenty-five)
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.policy import Rule
from pricecast_dagster.settings import RETRAIN_LIMITS
from pricecast_dagster_tests.monitoring import simulation
from pricecast_dagster_tests.monitoring.truth import LEARNT_DAYS, Trouble, Truth, make_truth

OURS, NEVER, MONTHLY, WEEKLY, DAILY = "ours", "never", "monthly", "weekly", "daily"
STEPS = {NEVER: 0, MONTHLY: 30, WEEKLY: 7, DAILY: 1}
ALARMS = (Rule.ACCURACY, Rule.NAIVE, Rule.DRIFT, Rule.SHIFT, Rule.CORRECTION)
BATCH = {OURS: 10, NEVER: 12, MONTHLY: 4, WEEKLY: 1, DAILY: 1}
SOON_DAYS = 7


def main() -> None:
    """Run what is not done yet, then print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=60, help="watched by the monitor")
    parser.add_argument("--compared", type=int, default=12, help="of them, evenly chosen, served under every policy")
    parser.add_argument("--daily", type=int, default=0, help="of those, trained daily")
    parser.add_argument("--trials", type=int, default=4, help="of each tuning")
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="file of finished batches")
    chosen = parser.parse_args()
    truth = make_truth(chosen.products, seed=chosen.seed)
    done = _kept(chosen.keep)
    for policy, numbers in _batches(chosen.products, chosen.compared, chosen.daily):
        name = f"{policy}:{chosen.seed}:{chosen.trials}:{','.join(map(str, numbers))}"
        if name not in done:
            done[name] = _serve(truth.select(numbers), numbers, policy, chosen.trials)
            if chosen.keep is not None:
                with chosen.keep.open("a") as file:
                    file.write(json.dumps({"name": name, "rows": done[name]}) + "\n")
    found: dict[str, list[dict[str, Any]]] = {}
    for policy, numbers in _batches(chosen.products, chosen.compared, chosen.daily):
        name = f"{policy}:{chosen.seed}:{chosen.trials}:{','.join(map(str, numbers))}"
        found.setdefault(policy, []).extend(done[name])
    _print_detection(found[OURS])
    _print_policies(found)


def _batches(products: int, compared: int, daily: int) -> Iterator[tuple[str, NDArray[np.intp]]]:
    some = np.unique(np.linspace(0, products - 1, compared).astype(np.intp))
    few = some[np.unique(np.linspace(0, len(some) - 1, daily).astype(np.intp))] if daily else some[:0]
    for policy in (OURS, NEVER, MONTHLY, WEEKLY, DAILY):
        numbers = {OURS: np.arange(products), DAILY: few}.get(policy, some)
        for start in range(0, len(numbers), BATCH[policy]):
            yield policy, numbers[start : start + BATCH[policy]]


def _kept(file: Path | None) -> dict[str, list[dict[str, Any]]]:
    if file is None or not file.exists():
        return {}
    return {line["name"]: line["rows"] for line in map(json.loads, file.read_text().splitlines())}


def _serve(truth: Truth, numbers: NDArray[np.intp], policy: str, trials: int) -> list[dict[str, Any]]:
    """One row a product: its trouble, its requests, its served error over the last value's, its trials."""
    limits = {Rule(name): limit for name, limit in RETRAIN_LIMITS.items()}
    decide = simulation.watching(limits) if policy == OURS else simulation.every(STEPS[policy])
    service = simulation.run(truth, decide, trials=trials)
    errors = service.errors()
    naive = np.where(np.isfinite(errors), _last_value_errors(truth), np.nan)
    return [
        {
            "product": int(numbers[position]),
            "trouble": truth.trouble[position].value,
            "day": int(truth.day[position]),
            "requests": [[asked.day, asked.due.rule.value] for asked in service.requests if asked.product == position],
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
    ahead = np.minimum(origins[:, None] + 1 + np.arange(simulation.HORIZON), days - 1)
    return truth.panel.price[:, origins][:, :, None] - truth.panel.price[:, ahead]


def _print_detection(rows: list[dict[str, Any]]) -> None:
    served_days = 540 - LEARNT_DAYS
    print(f"{len(rows)} products watched for {served_days} days\n")
    print("| trouble | products | found | within 7 days | median delay, days |\n| --- | --- | --- | --- | --- |")
    for trouble in Trouble:
        some = [row for row in rows if row["trouble"] == trouble.value]
        if trouble is Trouble.NONE or not some:
            continue
        delays = [
            min((day - row["day"] for day, rule in row["requests"] if day >= row["day"] and rule in ALARMS), default=None)
            for row in some
        ]
        known = [delay for delay in delays if delay is not None]
        soon = sum(delay <= SOON_DAYS for delay in known) / len(some)
        median = f"{np.median(known):.0f}" if known else ""
        print(f"| {trouble.value} | {len(some)} | {len(known) / len(some):.0%} | {soon:.0%} | {median} |")
    quiet = [row for row in rows if row["trouble"] == Trouble.NONE.value]
    false = [rule for row in quiet for _, rule in row["requests"] if rule in ALARMS]
    months = len(quiet) * served_days / 30.4 / 100
    by_rule = {rule.value: false.count(rule.value) for rule in ALARMS if rule.value in false}
    print(f"\nfalse alarms per 100 quiet products and month: {len(false) / months:.2f} ({len(false)} in all: {by_rule})\n")


def _print_policies(found: dict[str, list[dict[str, Any]]]) -> None:
    by_policy = {policy: {row["product"]: row for row in rows} for policy, rows in found.items()}
    common = sorted(by_policy[WEEKLY])
    weekly = by_policy[WEEKLY]
    print(
        "| policy | products | squared error over the last value's | absolute | RMSE over weekly's, same products "
        "| trials a product |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for policy in (NEVER, MONTHLY, WEEKLY, DAILY, OURS):
        rows = by_policy.get(policy, {})
        some = [number for number in common if number in rows]
        if not some:
            continue
        squared, absolute = (
            np.mean([rows[n][kind] / rows[n][f"naive_{kind}"] for n in some]) for kind in ("squared", "absolute")
        )
        ratios = np.array([np.sqrt(rows[n]["squared"] / weekly[n]["squared"]) for n in some])
        error = ratios.std(ddof=1) / np.sqrt(len(ratios)) if len(ratios) > 1 else 0.0
        trials = np.mean([rows[n]["trials"] for n in some])
        print(f"| {policy} | {len(some)} | {squared:.3f} | {absolute:.3f} | {ratios.mean():.3f} ± {error:.3f} | {trials:.1f} |")


if __name__ == "__main__":
    main()
