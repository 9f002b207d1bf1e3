"""Datasets: immutable versions of labelled images, how they come in, and how training reads them."""
