"""The pooled member: what the booster of all products says of this one; off unless PRICECAST_MEMBERS names it.

Belongs here: the protocol's side of it: which booster knows nothing after the cut, and its answers in price units. Not here: the
boosters (`forecasting.pooled`) and what they see (`forecasting.pooled_fit`).

It has nothing of the product's own to fit. A model keeps the booster it answers from: it forecasts, and is restored from a
backup, without the pooled model it was taken from.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting import booster
from pricecast_dagster.forecasting.members.direct import direct_rows
from pricecast_dagster.forecasting.members.protocol import Fitted
from pricecast_dagster.forecasting.origins import Origins
from pricecast_dagster.forecasting.pooled_fit import pooled_features, portraits
from pricecast_dagster.forecasting.recipe import POOLED, Recipe
from pricecast_dagster.forecasting.samples import Samples


class PooledMember:
    """The pooled member."""

    name = POOLED
    minimum_days = 21
    cost_milliseconds = 0.1

    def fit(self, samples: Samples, recipe: Recipe, seed: int) -> Fitted:
        """The newest booster that knows nothing after the cut; none, and no move, where there is none."""
        if samples.pooled is None:
            return Fitted()
        return Fitted(samples.pooled.at(samples.history.days[samples.until]))

    def forecast(
        self, fitted: Sequence[Fitted], which: NDArray[np.intp], origins: Origins, horizon_days: int
    ) -> NDArray[np.float64]:
        """All days ahead in one pass, in shares of the last price."""
        last = np.repeat(origins.last, horizon_days)
        portrait = np.repeat(portraits(origins.panel, origins.rows, origins.columns), horizon_days, axis=0)
        rows = pooled_features(direct_rows(origins, horizon_days), last, portrait)
        # Many products share one booster: their rows are asked for together.
        texts = list(dict.fromkeys(member.text for member in fitted))
        own = np.array([texts.index(member.text) for member in fitted], dtype=np.intp)[np.repeat(which, horizon_days)]
        order = np.argsort(own, kind="stable")
        moves = np.empty(len(rows))
        moves[order] = booster.Boosters(texts, shared=True).predict(own[order], rows[order])
        return np.asarray((last * (1.0 + moves)).reshape(len(origins), horizon_days))
