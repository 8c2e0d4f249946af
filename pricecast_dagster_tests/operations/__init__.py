"""Tests of the use cases beside the stages."""
