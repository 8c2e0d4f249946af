"""Slow, obvious ways to the same results; they share no code with what they check."""
