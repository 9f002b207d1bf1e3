"""Pairs of images for the tests of metrics of pixels."""

import numpy as np
from sklearn.datasets import load_sample_image


def degraded(n=3, size=64, channels=None, noise=20.0, seed=0):
    """Crops of photographs and the same with noise: uint8 n×size×size[×3], grey without channels."""
    random = np.random.default_rng(seed)
    whole = load_sample_image("china.jpg")
    corners = random.integers(0, 427 - size, size=(n, 2))
    crops = np.stack([whole[y : y + size, x : x + size] for y, x in corners])
    if channels is None:
        crops = crops[..., 1]
    noisy = np.clip(crops + random.normal(0, noise, crops.shape), 0, 255)
    return crops, noisy.astype(np.uint8)
