"""Use cases beside the stages: models, single forecasts, backtests, diagnosis. No terminal, no HTTP, no Dagster here."""
