"""The engine of the ridge member: a line through standardised features, held back.

Belongs here: the fit and its text. Not here: rows and target (`additional`). Source: Hoerl and Kennard 1970.
"""

import json
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.members.protocol import Engine
from pricecast_dagster.forecasting.recipe import Learner

_HELD_BACK: Final = 0.1
"""Ridge as a share of the rows: a standardised feature that explains everything keeps 91 % of its slope."""


def fit(features: NDArray[np.float64], target: NDArray[np.float64], learner: Learner, seed: int) -> str:
    """Slopes of the features as they are, and the intercept, as JSON."""
    centre, spread = features.mean(axis=0), features.std(axis=0)
    moving = spread > 1e-12 * np.maximum(np.abs(centre), 1.0)
    scaled = (features[:, moving] - centre[moving]) / spread[moving]
    middle = float(target.mean())
    # Sums by einsum's own loops: a matrix product of BLAS may round by the number of its threads.
    products = np.einsum("ri,rj->ij", scaled, scaled) + _HELD_BACK * len(target) * np.eye(int(moving.sum()))
    slopes = np.zeros(features.shape[1])
    slopes[moving] = np.linalg.solve(products, np.einsum("ri,r->i", scaled, target - middle)) / spread[moving]
    return json.dumps({"slopes": slopes.tolist(), "intercept": middle - float(np.sum(slopes * centre))})


def load(text: str) -> Engine:
    """The line."""
    line = json.loads(text)

    def answer(features: NDArray[np.float64]) -> NDArray[np.float64]:
        # Column by column: a row's bytes do not depend on how many rows there are.
        total = np.full(len(features), float(line["intercept"]))
        for slope, column in zip(line["slopes"], features.T, strict=True):
            total += slope * column
        return total

    return answer
