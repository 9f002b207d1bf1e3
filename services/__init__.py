"""One process per service; with `synthoscope_ray` the only importers of Ray."""
