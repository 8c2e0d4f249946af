"""Removals: products that left the source lose their partition, also where no run of Dagster found them to be gone.

Belongs here: the sensor `products_removed`. Not here: finding out that a product is gone (`stages.ingest`), giving up what is
kept of it after its time (`operations.maintenance`).

A run of Dagster follows the product table by itself; `pricecast ingest` and `refresh` know no Dagster. What was retired comes
back by the same way: a product that returns is computed anew, and the run that does so adds its partition again.
"""

from collections.abc import Sequence
from datetime import timedelta

import dagster as dg

from pricecast_dagster.orchestration.partitions import PARTITIONS_NAME
from pricecast_dagster.orchestration.resources import PricecastResource
from pricecast_dagster.storage import products
from pricecast_dagster.storage.keys import decode_key

# Dagster deletes one key a call, 23 ms on SQLite and 40 on PostgreSQL; a tick has 60 seconds.
KEYS_PER_TICK = 200

# Reading the list of 50,000 partitions takes 0.6 s.
SLOWEST_LOOK_SECONDS = 30

NAMED = 5


def build_products_removed(seconds: int) -> dg.SensorDefinition:
    """The sensor, looking every so many seconds, and not more often than every half minute."""

    @dg.sensor(
        minimum_interval_seconds=max(seconds, SLOWEST_LOOK_SECONDS),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Retires the partitions of products that left the source; nothing is computed. Their forecasts are not "
        "served, their models are kept for PRICECAST_KEEP_REMOVED_DAYS.",
    )
    def products_removed(context: dg.SensorEvaluationContext, stores: PricecastResource) -> dg.SkipReason:
        stage_context = stores.open()
        with stage_context.database.read() as connection:
            removed = products.removed_skus(connection)
        if not removed:
            return dg.SkipReason("No product has left the source.")
        left = [key for key in context.instance.get_dynamic_partitions(PARTITIONS_NAME) if decode_key(key) in removed]
        if not left:
            return dg.SkipReason(f"{_counted(len(removed))} left the source before; their partitions are gone already.")
        retired = left[:KEYS_PER_TICK]
        for key in retired:
            context.instance.delete_dynamic_partition(PARTITIONS_NAME, key)
        until = stage_context.clock() + timedelta(days=stage_context.settings.keep_removed_days)
        more = f" {len(left) - len(retired)} more follow at the next look." if len(left) > len(retired) else ""
        return dg.SkipReason(
            f"{_counted(len(retired))} left the source ({_names(retired)}): partitions retired, forecasts not served, "
            f"models kept until about {until:%Y-%m-%d}.{more}"
        )

    return products_removed


def _counted(count: int) -> str:
    return "1 product" if count == 1 else f"{count:,} products"


def _names(keys: Sequence[str]) -> str:
    return ", ".join(decode_key(key) for key in keys[:NAMED]) + (", ..." if len(keys) > NAMED else "")
