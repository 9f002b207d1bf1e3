"""Where a classifier looked: class activation maps, overlays, explanations."""
