"""The engine of the extra-trees member: scikit-learn grows the trees, their text is ours.

Belongs here: growing, the text of a forest, asking it. Not here: rows and target (`additional`). Source: Geurts, Ernst and
Wehenkel, "Extremely randomized trees", 2006.

A forest is kept as JSON and not pickled: a pickle runs code when it is read, and only under the scikit-learn that wrote it.
"""

import json
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting.members.protocol import Engine
from pricecast_dagster.forecasting.recipe import Learner

TREES: Final = 50
_LEAST_ROWS: Final = 20
_MOST_LEAVES: Final = 24
_FEATURES_A_SPLIT: Final = 0.5
_LEAF: Final = -1


def fit(features: NDArray[np.float64], target: NDArray[np.float64], learner: Learner, seed: int) -> str:
    """Grow a forest; its text holds of every tree the split of each node and the value of each leaf."""
    from sklearn.ensemble import ExtraTreesRegressor

    forest = ExtraTreesRegressor(
        n_estimators=TREES,
        min_samples_leaf=_LEAST_ROWS,
        max_leaf_nodes=_MOST_LEAVES,
        max_features=_FEATURES_A_SPLIT,
        random_state=seed % 2**32,
        n_jobs=1,
    ).fit(features.astype(np.float32), target)
    trees = [estimator.tree_ for estimator in forest.estimators_]
    return json.dumps(
        [
            {
                "left": tree.children_left.tolist(),
                "right": tree.children_right.tolist(),
                "feature": tree.feature.tolist(),
                "threshold": tree.threshold.tolist(),
                "value": tree.value[:, 0, 0].tolist(),
            }
            for tree in trees
        ]
    )


def load(text: str) -> Engine:
    """The mean of the trees."""
    trees = [{name: np.array(values) for name, values in tree.items()} for tree in json.loads(text)]

    def answer(features: NDArray[np.float64]) -> NDArray[np.float64]:
        # As scikit-learn does: features in single precision against thresholds in double.
        shown = features.astype(np.float32)
        total = np.zeros(len(features))
        for tree in trees:
            total += _ask(tree, shown)
        return total / len(trees)

    return answer


def _ask(tree: dict[str, Any], features: NDArray[np.float32]) -> NDArray[np.float64]:
    """(rows,) the value of the leaf that each row falls into."""
    rows = np.arange(len(features))
    node = np.zeros(len(features), dtype=np.intp)
    while (inner := tree["left"][node] != _LEAF).any():
        goes_left = features[rows, np.maximum(tree["feature"][node], 0)] <= tree["threshold"][node]
        node = np.where(inner, np.where(goes_left, tree["left"][node], tree["right"][node]), node)
    return np.asarray(tree["value"][node])
