"""Ray Tune over the functions that the training service runs."""
