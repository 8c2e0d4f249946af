"""Measures forecasts beside simple methods and peers on the same products, origins and days, and writes the tables.

Run: python -m benchmarks.accuracy [--sets online_retail ...] [--every 5] [--horizon 14] [--peers PYTHON] [--out FILE]
Every product of every set takes about ten minutes on two cores, peers another twenty (their answers are kept in .accuracy/).
It ends with what must hold, and with 1 where something does not.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.accuracy.answers import answers_of
from benchmarks.accuracy.exchange import peers_of
from benchmarks.accuracy.gate import verdicts
from benchmarks.accuracy.scoring import GROUPS
from benchmarks.accuracy.sets import REAL, SYNTHETIC, Cases, data_sets, names
from benchmarks.accuracy.tables import Result, overview, page, result_of

FOLDER = Path(".accuracy")
PEERS = ("AutoETS", "DynamicOptimizedTheta", "AutoARIMA", "mlforecast", "skforecast")


def main() -> int:
    """Measure, print and write; 0 if everything holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=names(), default=names(), metavar="SET")
    parser.add_argument("--every", type=int, default=1, help="take every n-th product")
    parser.add_argument("--horizon", type=int, choices=sorted(GROUPS), default=14, help="days ahead")
    parser.add_argument("--members", nargs="+", default=(), help="additional members of our own, such as pooled")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--peers", type=Path, help="interpreter of the peers' environment; without it they are left out")
    parser.add_argument("--out", type=Path, help="file for the tables, Markdown")
    arguments = parser.parse_args()
    results = measured(arguments)
    text = f"{overview(results)}\n\n{page(results)}"
    print(text)
    if arguments.out:
        arguments.out.write_text(text)
    missed = [told for holds, told in verdicts(results) if not holds]
    print("Everything that must hold holds." if not missed else "Does not hold:\n" + "\n".join(missed))
    return int(bool(missed))


def measured(arguments: argparse.Namespace) -> list[Result]:
    """Every set, one after the other."""
    results = []
    with ProcessPoolExecutor(arguments.processes) as pool:
        for data in data_sets(tuple(arguments.sets), arguments.every):
            cases = Cases.of(data.panel, arguments.horizon)
            answers = answers_of(data, cases, pool, arguments.members)
            if arguments.peers and data.name in (*REAL, SYNTHETIC):
                answers |= peers_of(data, cases, arguments.peers, FOLDER, PEERS)
            results.append(result_of(data.name, cases, answers))
            print(overview(results[-1:]), file=sys.stderr, flush=True)
    return results


if __name__ == "__main__":
    sys.exit(main())
