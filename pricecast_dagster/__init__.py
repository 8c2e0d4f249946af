"""Daily price forecasts for every product of a retailer, kept fresh as Dagster data assets."""
