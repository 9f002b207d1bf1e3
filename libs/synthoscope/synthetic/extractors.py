"""The names of the networks in whose features a set's report may be asked for. Needs no torch."""

EFFICIENTNET, INCEPTION = "efficientnet-lite0", "inception-v3"
"""Besides them any classifier's version."""
