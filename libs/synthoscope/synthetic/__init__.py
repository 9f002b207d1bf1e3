"""Synthetic sets: immutable sets of generated images."""
