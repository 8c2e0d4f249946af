"""How far forecasts are off, beside simple methods and peers on the same days: `python -m benchmarks.accuracy`."""
