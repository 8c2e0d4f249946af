"""Measurements against a named peer or floor in the same run: `python -m benchmarks.NAME`."""
