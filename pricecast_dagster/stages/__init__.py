"""What each asset does to a batch of SKUs. One idea: a stage turns SKUs into outcomes (fresh, unchanged, failed)."""
