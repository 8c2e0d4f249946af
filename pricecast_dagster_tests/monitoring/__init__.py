"""The learning loop: scores of what was served, drift, retrain policy, trials."""
