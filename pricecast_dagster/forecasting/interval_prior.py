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
        0, 0.0166, 0.0392, 0.0568, 0.0757, 0.093, 0.112, 0.128, 0.145, 0.161, 0.18, 0.196, 0.213, 0.23, 0.247, 0.264,
        0.278, 0.297, 0.316, 0.333, 0.346, 0.361, 0.379, 0.398, 0.415, 0.432, 0.449, 0.466, 0.487, 0.505, 0.522,
        0.539, 0.556, 0.573, 0.592, 0.612, 0.632, 0.652, 0.67, 0.691, 0.708, 0.729, 0.752, 0.772, 0.793, 0.811, 0.83,
        0.852, 0.874, 0.896, 0.918, 0.941, 0.962, 0.983, 1, 1.02, 1.04, 1.07, 1.09, 1.11, 1.13, 1.16, 1.18, 1.21,
        1.24, 1.27, 1.3, 1.32, 1.35, 1.38, 1.41, 1.44, 1.47, 1.5, 1.54, 1.58, 1.62, 1.66, 1.7, 1.74, 1.79, 1.85, 1.91,
        1.97, 2.02, 2.08, 2.14, 2.2, 2.27, 2.35, 2.44, 2.53, 2.64, 2.75, 2.86, 3.02, 3.26, 3.8, 4.47, 5.69,
    ),
    Kind.STICKY: (
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.0348, 0.0704, 0.104, 0.146, 0.185, 0.225, 0.262, 0.301, 0.341,
        0.38, 0.419, 0.456, 0.497, 0.538, 0.58, 0.624, 0.67, 0.715, 0.763, 0.817, 0.876, 0.933, 0.995, 1.06, 1.12,
        1.18, 1.25, 1.34, 1.43, 1.52, 1.61, 1.72, 1.84, 1.97, 2.09, 2.23, 2.39, 2.56, 2.77, 3.03, 3.3, 3.67, 4.09,
        4.66, 5.5, 6.88, 9.47, 20.3,
    ),
}
# fmt: on
