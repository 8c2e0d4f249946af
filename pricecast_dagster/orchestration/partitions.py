"""Partitions: one dynamic partition per SKU, its key a readable, reversible encoding of the SKU.

Belongs here: keeping Dagster's list of keys as the product table has it. Not here: the encoding (`storage.keys`), and which
products there are (`stages.ingest`).
"""

from collections.abc import Iterable

import dagster as dg

from pricecast_dagster.storage.keys import encode_key

PARTITIONS_NAME = "skus"
skus_partitions = dg.DynamicPartitionsDefinition(name=PARTITIONS_NAME)

# Dagster asks the database with one IN list per call; 5,000 names are well inside every database's limit.
KEYS_PER_CALL = 5000


def follow_products(instance: dg.DagsterInstance, active: Iterable[str]) -> tuple[int, int]:
    """Make the partition keys those of the active products.

    Returns:
        How many keys were added and removed.
    """
    wanted = {encode_key(sku) for sku in active}
    present = set(instance.get_dynamic_partitions(PARTITIONS_NAME))
    added = sorted(wanted - present)
    for start in range(0, len(added), KEYS_PER_CALL):
        instance.add_dynamic_partitions(PARTITIONS_NAME, added[start : start + KEYS_PER_CALL])
    removed = sorted(present - wanted)
    for key in removed:  # Dagster has no call for many.
        instance.delete_dynamic_partition(PARTITIONS_NAME, key)
    return len(added), len(removed)
