"""The public diagnosis API; the model runs on Ray Serve."""
