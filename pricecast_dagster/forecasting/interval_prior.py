"""Other products' scores: how large errors are against their scale, by kind of price; shipped, the same for every SKU.

Belongs here: the table that `intervals` joins to a SKU's own scores. Not here: how it is used.

Made by `python -m benchmarks.intervals`: 100 quantiles (0.5 % to 99.5 %) of the scores of past errors that `intervals` computes,
every set counting the same. Noisy: two sets of real till averages and a generated one; sticky: generated kinds, and what is
sticky in the real sets.
"""

from typing import Final

from pricecast_dagster.forecasting.recipe import Kind

# fmt: off
PRIOR_SCORES: Final[dict[Kind, tuple[float, ...]]] = {
    Kind.NOISY: (
        0, 0.0158, 0.0419, 0.0649, 0.0905, 0.11, 0.132, 0.152, 0.17, 0.189, 0.208, 0.229, 0.25, 0.27, 0.289, 0.31,
        0.331, 0.349, 0.367, 0.387, 0.406, 0.427, 0.447, 0.467, 0.488, 0.508, 0.526, 0.545, 0.563, 0.581, 0.601, 0.62,
        0.639, 0.658, 0.675, 0.693, 0.71, 0.726, 0.744, 0.762, 0.778, 0.795, 0.813, 0.831, 0.846, 0.865, 0.885, 0.903,
        0.92, 0.938, 0.955, 0.974, 0.994, 1.01, 1.03, 1.05, 1.07, 1.09, 1.11, 1.13, 1.15, 1.16, 1.18, 1.2, 1.23, 1.25,
        1.27, 1.3, 1.32, 1.35, 1.37, 1.4, 1.42, 1.45, 1.47, 1.5, 1.53, 1.56, 1.6, 1.64, 1.68, 1.73, 1.78, 1.83, 1.89,
        1.96, 2.01, 2.08, 2.17, 2.26, 2.35, 2.47, 2.58, 2.67, 2.8, 2.99, 3.28, 3.8, 4.54, 5.84,
    ),
    Kind.STICKY: (
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.0338, 0.125, 0.196, 0.266, 0.331, 0.387,
        0.441, 0.497, 0.558, 0.614, 0.674, 0.732, 0.789, 0.845, 0.906, 0.971, 1.04, 1.11, 1.17, 1.24, 1.32, 1.42,
        1.51, 1.61, 1.72, 1.85, 1.98, 2.12, 2.28, 2.45, 2.65, 2.88, 3.15, 3.45, 3.84, 4.32, 4.94, 5.89, 7.41, 10.2,
        20.9,
    ),
}
# fmt: on
