"""The job `refresh`: brings the SKUs of its config up to date, in one run, wherever they are in the list of partitions.

Belongs here: the job and the run requests that start it. Not here: when it is started (`sensors`).

It is launched without partition tags: Dagster would turn a scattered set of partitions into one run per contiguous range
(886 runs for 1,000 random ones of 10,000). It selects all four assets; a list run that selected only downstream ones would
fail with "Cannot access partition_key for a non-partitioned run".
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from pricecast_dagster.orchestration.portfolio_checks import portfolio_checks
from pricecast_dagster.schemas import STAGES

JOB_NAME = "refresh"
OP_NAME = "pricecast"

REASON_TAG = "pricecast/reason"
SKU_TAG = "pricecast/sku"
BATCH_TAG = "pricecast/batch"
SOURCE_TAG = "pricecast/source"
COUNT_TAG = "pricecast/sku_count"

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

refresh_job = dg.define_asset_job(
    JOB_NAME,
    # Without the checks of the portfolio: a step of their own in every run, for what a sensor tells when it changes.
    selection=dg.AssetSelection.assets(*[stage.value for stage in STAGES]) - dg.AssetSelection.checks(portfolio_checks),
    description="Brings products up to date: those in `skus`, or all that are out of date. Started by the sensors.",
)


def run_config(skus: Sequence[str] = (), **options: object) -> dict[str, object]:
    """Run config of `refresh`; `options` are the other fields of `assets.RefreshConfig`."""
    return {"ops": {OP_NAME: {"config": {"skus": list(skus), **options}}}}


def skus_of(run: dg.DagsterRun) -> set[str]:
    """The SKUs that a run of `refresh` names in its config; empty where it takes all that is out of date."""
    run_config: Mapping[str, Any] = run.run_config
    return set(run_config.get("ops", {}).get(OP_NAME, {}).get("config", {}).get("skus", []))
