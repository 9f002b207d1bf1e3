"""Where a transfer network's first weights come from. `sources` gives them to the network."""
