"""Checks: what Dagster shows as asset checks, per partition; the stages evaluate them while they have the rows in hand.

Belongs here: names, descriptions and to which asset they belong. Not here: evaluating (`stages`) and writing results (`events`).
"""

import warnings

import dagster as dg

from pricecast_dagster.orchestration.partitions import skus_partitions
from pricecast_dagster.schemas import Stage

QUIET = "Told when it does not hold, and when it holds again."

CHECKS = {
    Stage.RAW_HISTORY: {
        "history_schema": "Every row has a day and a positive, finite price; one row a day, in order.",
        "history_plausible": f"No price is five times the one before it or a fifth of it; most days have one (warning). {QUIET}",
    },
    Stage.FEATURE_TABLE: {
        "features_schema": "All 45 features are there, finite, and missing only while their window is not yet full.",
        "features_recomputed": f"A sample of days agrees with features made again from their definition (a warning). {QUIET}",
    },
    Stage.PRICE_MODEL: {
        "beats_naive": "On held-out days of several origins the model is no worse than the best simple method (a warning).",
        "artefact_loads": f"The model's files come back whole, by their hashes, and are not too large (a warning). {QUIET}",
    },
    Stage.FORECAST: {
        "forecast_schema": "Every day ahead has a finite, non-negative price inside ordered bands.",
        "forecast_plausible": f"No day is beyond twice the highest or half the lowest price of the last 90 (a warning). {QUIET}",
    },
}


def check_specs() -> list[dg.AssetCheckSpec]:
    """One spec a check, partitioned by SKU."""
    with warnings.catch_warnings():
        # Partitioned checks are a preview in Dagster 1.13, and what makes a check's result show on its product.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [
            dg.AssetCheckSpec(name, asset=stage.value, description=description, partitions_def=skus_partitions)
            for stage, checks in CHECKS.items()
            for name, description in checks.items()
        ]
