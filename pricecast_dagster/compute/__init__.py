"""Where the inner work of a batch runs."""
