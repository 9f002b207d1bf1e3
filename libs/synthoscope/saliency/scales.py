"""How hot a map has to be to get the full colour: one scale per class of a model, so that pictures can be compared."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from synthoscope.classifier.prediction import Classifier
from synthoscope.saliency.grad_cam import grad_cam

MOST_IMAGES = 32
"""Of each class, that a scale is taken from."""

_QUANTILE = 0.9


def explanation_scales(
    classifier: Classifier, images: NDArray[np.uint8], shown: Sequence[NDArray[np.int64]]
) -> Mapping[str, float]:
    """By class, the value that nine of ten maps of images that show it stay below, in units of the logit.

    `images` uint8 N×S×S×3 are real ones; `shown` has the rows of those that show each class. A class that none shows
    gets the largest of the other scales.
    """
    scales = {}
    for index, (label, rows) in enumerate(zip(classifier.classes, shown, strict=True)):
        if len(rows):
            pixels = classifier.input(images[rows[:MOST_IMAGES]])
            maps = grad_cam(classifier.network, pixels, torch.full((len(pixels),), index, device=pixels.device)).maps
            scales[label] = float(np.quantile(maps.amax(dim=(1, 2)).cpu().numpy(), _QUANTILE))
    largest = max(scales.values(), default=0.0)
    return {label: scales.get(label) or largest for label in classifier.classes}
