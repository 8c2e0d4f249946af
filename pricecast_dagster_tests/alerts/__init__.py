"""Tests of alerts: what is told, to whom, once; against real receivers on loopback."""
