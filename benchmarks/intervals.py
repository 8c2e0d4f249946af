"""Makes the table of other products' scores, `forecasting/interval_prior.py`.

Scores are those of past errors that `intervals` computes for its own bands: real till averages (where they lie beside the
checkout) and generated ones for noisy prices, generated kinds for sticky ones, every set counting the same. Run it after a change
of recipe (two minutes), and paste what it prints: python -m benchmarks.intervals
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.sets import data_sets, names
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.model import Model, train
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.forecasting.past_errors import Errors, own_scores, recent_spread
from pricecast_dagster.forecasting.recipe import Kind

FEWEST_PRODUCTS = 12
SHARES = np.linspace(0.005, 0.995, 100)


def trained(panel: Panel, calendar: HolidayCalendar) -> Iterator[tuple[Panel, Model]]:
    """Every product with a history that moves and is long enough for the scores of 6 fortnights, with its model."""
    for row in range(panel.n_skus):
        history = panel.select([row])
        if int(history.last[0] - history.first[0]) >= 150 and np.ptp(history.price[0, history.first[0] :]) > 0:
            yield history, train(history, calendar, tuning=None, seed=1)


def scores_of(history: Panel, model: Model) -> NDArray[np.float64]:
    """The sizes of the product's scores, as `intervals` computes them."""
    prices = history.price[0, history.observed[0]]
    own = model.arrays
    return np.abs(own_scores(Errors(own["errors"], own["block"], own["side"], model.blend.kind, recent_spread(prices))))


def main() -> None:
    """Print the table of both kinds."""
    by_kind: dict[Kind, list[NDArray[np.float64]]] = {kind: [] for kind in Kind}
    for data in data_sets(names()):
        of_set: dict[Kind, list[NDArray[np.float64]]] = {kind: [] for kind in Kind}
        for product, model in trained(data.panel, data.calendar):
            of_set[model.blend.kind].append(scores_of(product, model))
        for kind, scores in of_set.items():
            if len(scores) >= FEWEST_PRODUCTS:
                # Two thousand quantiles stand for a set, however many products it has.
                by_kind[kind].append(np.quantile(np.concatenate(scores), np.linspace(0, 1, 2001)))
    for kind, sets in by_kind.items():
        table = np.quantile(np.concatenate(sets), SHARES)
        print(f"    Kind.{kind.name}: ({', '.join(f'{score:.3g}' for score in table)}),")


if __name__ == "__main__":
    main()
