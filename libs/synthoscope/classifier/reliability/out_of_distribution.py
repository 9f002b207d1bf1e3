"""Tells images unlike the training images, by a network's pooled features (Lee et al. 2018, Sun et al. 2022)."""
