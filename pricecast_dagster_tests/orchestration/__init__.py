"""Tests of Dagster's side: events, red partitions, sensors."""
