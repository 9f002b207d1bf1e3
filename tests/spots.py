"""A small task that a network learns in seconds."""

import numpy as np

from synthoscope.classifier.data import LabelledPixels


def spots(count: int = 60, seed: int = 0) -> LabelledPixels:
    """Three classes: no spot, a bright spot above, a bright spot below."""
    generator = np.random.default_rng(seed)
    images = generator.integers(40, 90, (count, 64, 64, 3)).astype(np.uint8)
    labels = np.arange(count) % 3
    for image, label in zip(images, labels, strict=True):
        top, left = (12 if label == 1 else 40) + generator.integers(0, 6), generator.integers(10, 40)
        if label:
            image[top : top + 10, left : left + 10] = 230
    return LabelledPixels(images, labels.astype(np.int64))
