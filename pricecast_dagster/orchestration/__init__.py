"""All of Dagster: partitions, assets, events, checks, jobs, sensors, resources. Thin: what is computed is in `stages`."""
