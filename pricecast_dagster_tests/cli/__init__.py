"""Tests of the command line: what a person at a terminal sees."""
