"""Classifiers: configuration, networks, augmentation, training loop, prediction. Only `config` can do without torch."""
