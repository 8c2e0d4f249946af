"""Tests of the stages: what is computed, what is left alone, and what a failure leaves behind."""
