"""The HTTP API and the web page: thin; parse, ask an operation or Dagster, present."""
