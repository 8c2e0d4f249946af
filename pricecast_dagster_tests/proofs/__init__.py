"""Proofs: what the whole promises, counted independently of it."""
