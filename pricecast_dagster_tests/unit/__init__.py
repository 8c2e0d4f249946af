"""One behaviour a test, on small inputs made by hand."""
