"""Metrics: one a file, pure functions of arrays."""
