"""What bands of sticky prices cover at least, however narrow: a band holds its point, and the point is often exact.

Belongs here: two bounds that need no band. Not here: the bands of anybody (`answers`, `scoring`).

- By days ahead: where the last price is still right on more than 80 % of all days, 80 % bands around it cover that many.
- By product: where a product's price probably still stands (`forecasting.chances`: of the days it gives 80 to 100 %, 93 % came
  true on shelf prices and 92 % on the synthetic retailer), its band covers that much. Bands that are right for each product
  cover at least the mean of this; to cover less in all, products that change often would have to be covered too little.

Run: python -m benchmarks.accuracy.least [--sets shelf ...]    (a minute)
"""

import argparse
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.scoring import GROUPS
from benchmarks.accuracy.sets import Cases, DataSet, data_sets, names
from pricecast_dagster.forecasting.chances import chances_at
from pricecast_dagster.forecasting.origins import Origins
from pricecast_dagster.schemas import LEVELS

HORIZON_DAYS = 14


def least(data: DataSet) -> Iterator[tuple[int, str, tuple[float, ...]]]:
    """Of each level both bounds, in percent: of all days, then of each group of days ahead."""
    cases = Cases.of(data.panel, HORIZON_DAYS)
    last = data.panel.price[cases.rows, cases.columns][:, None]
    exact = np.where(cases.counted, cases.actual == last, 0.0).sum(axis=0) / np.maximum(cases.counted.sum(axis=0), 1)
    stays = np.concatenate([_stays(data, cases, start) for start in range(0, len(cases.rows), 100)])
    for level in LEVELS:
        for told, chance in (("by days ahead", np.broadcast_to(exact, stays.shape)), ("by product", stays)):
            covered = np.maximum(chance, level / 100)
            yield level, told, (_share(covered, cases.counted), *_by_group(covered, cases.counted))


def _stays(data: DataSet, cases: Cases, start: int) -> NDArray[np.float64]:
    some = slice(start, start + 100)
    return chances_at(Origins(data.panel, cases.rows[some], cases.columns[some], data.calendar), HORIZON_DAYS).stays


def _by_group(covered: NDArray[np.float64], counted: NDArray[np.bool_]) -> Iterator[float]:
    for first, last in GROUPS[HORIZON_DAYS]:
        yield _share(covered[:, first - 1 : last], counted[:, first - 1 : last])


def _share(covered: NDArray[np.float64], counted: NDArray[np.bool_]) -> float:
    return 100 * float(covered[counted].mean())


def main() -> None:
    """Print both bounds of each set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=names(), default=names(), metavar="SET")
    for data in data_sets(tuple(parser.parse_args().sets)):
        for level, told, shares in least(data):
            whole, *groups = (f"{share:.1f}" for share in shares)
            print(f"{data.name:18}{level} % {told:14}{whole:>6}   days 1-3 / 4-7 / 8-14: {' / '.join(groups)}", flush=True)


if __name__ == "__main__":
    main()
