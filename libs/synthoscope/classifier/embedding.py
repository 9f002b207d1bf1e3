"""A classifier's hidden layer as features: generated images judged by what a model of ours looks at.

Unlike ImageNet's, these features were learnt from the images of the task; so a generator that was selected by the same
classifier is flattered by them.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from synthoscope.classifier.prediction import LARGEST_BATCH, Classifier
from synthoscope.metrics.feature_extractor import check_colour_images, softmax


@dataclass(frozen=True)
class ClassifierFeatures:
    """A FeatureExtractor of a model version: the activations of its last hidden layer, and its class probabilities."""

    classifier: Classifier

    @property
    def name(self) -> str:
        """The model version's name."""
        return self.classifier.record.name

    @property
    def dimensions(self) -> int:
        """Units of the hidden layer."""
        return self.classifier.network.hidden_units

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Float32 N×D of uint8 RGB images N×H×W×3 as its pipeline makes them, at any size.

        Images of another size than the classifier's are resized (bilinear, antialiased). Raises ValueError for other
        shapes or dtypes.
        """
        check_colour_images(images)
        hidden = np.empty((len(images), self.dimensions), np.float32)
        for start in range(0, len(images), LARGEST_BATCH):
            hidden[start : start + LARGEST_BATCH] = self._hidden(images[start : start + LARGEST_BATCH])
        return hidden

    @torch.inference_mode()
    def _hidden(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        network = self.classifier.network
        pixels = self.classifier.input(self._resized(images))
        return network.hidden(network.features(pixels)).cpu().numpy()

    def _resized(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        side = self.classifier.image_size
        if images.shape[1:3] == (side, side):
            return images
        planes = torch.tensor(images).permute(0, 3, 1, 2).float()
        resized = F.interpolate(planes, (side, side), mode="bilinear", antialias=True, align_corners=False)
        return resized.round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()

    @torch.inference_mode()
    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Class probabilities, float32 N×C, of features N×D."""
        hidden = torch.from_numpy(features).to(self.classifier.device)
        return softmax(self.classifier.network.output(hidden).cpu().numpy())
