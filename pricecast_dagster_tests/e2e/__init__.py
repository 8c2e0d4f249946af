"""Tests with real Dagster processes."""
