"""What must hold of any input, searched for counterexamples by Hypothesis."""
