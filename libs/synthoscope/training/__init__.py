"""What the loops of GANs and classifiers share: callbacks, checkpoints, data parallelism, seeded randomness."""
