"""The convolutional parts of known networks, without their output layers, ready to be given ImageNet's weights.

Six are those of the fifth seed paper, as the package pytorchcv builds them; their parameters have its names. Pools that
fit one input size only are taken out, so that all work from 64 to 512 px.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synthoscope.rpc.errors import FailedPrecondition

_IMAGENET_MEAN, _IMAGENET_SCALE = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_LITE_MEAN, _LITE_SCALE = (127.0 / 255.0,) * 3, (128.0 / 255.0,) * 3
"""How pixels were normalised in the TensorFlow training of the lite networks."""

INCEPTION_SMALLEST = 96
"""Side to which smaller inputs of InceptionV3 are enlarged: its unpadded convolutions leave nothing of 64 px."""


class Backbone(nn.Module):
    """Feature maps of images in [0, 1], which it normalises as its weights expect; an output N×`channels`×h×w.

    `stages` are run one after the other; `ends` are the names of those whose outputs are the last of their resolution.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, stages: Mapping[str, nn.Module], ends: tuple[str, ...], normalisation: "Normalisation") -> None:
        super().__init__()
        self.features = nn.Sequential()
        for name, stage in stages.items():
            self.features.add_module(name, stage)
        self._ends = ends
        self._smallest = normalisation.smallest
        self.register_buffer("mean", torch.tensor(normalisation.mean)[:, None, None], persistent=False)
        self.register_buffer("scale", torch.tensor(normalisation.scale)[:, None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """The last feature maps of images N×3×S×S."""
        maps: Tensor = self.features(self._normalised(x))
        return maps

    def activations(self, x: Tensor) -> list[Tensor]:
        """The feature maps at the end of each resolution; the last ones are what `forward` gives."""
        found, maps = [], self._normalised(x)
        for name, stage in self.features.named_children():
            maps = stage(maps)
            if name in self._ends:
                found.append(maps)
        return found

    def _normalised(self, x: Tensor) -> Tensor:
        if x.shape[-1] < self._smallest:
            x = F.interpolate(x, (self._smallest, self._smallest), mode="bilinear", align_corners=False)
        return (x - self.mean) / self.scale


@dataclass(frozen=True)
class Normalisation:
    """What an input in [0, 1] becomes: enlarged to at least `smallest` px, less `mean`, over `scale`, by channel."""

    mean: tuple[float, float, float] = _IMAGENET_MEAN
    scale: tuple[float, float, float] = _IMAGENET_SCALE
    smallest: int = 0


@dataclass(frozen=True)
class Architecture:
    """How a backbone is built for a side of the input, its last convolution, channels, and its grid's cells."""

    build: Callable[[int], Backbone]
    last_convolution: str
    channels: int
    cell_start: float
    cell_stride: float = 32.0
    smallest: int = 0


def _pytorchcv(family: str, name: str, ends: tuple[str, ...], smallest: int = 0) -> Callable[[int], Backbone]:
    def build(image_size: int) -> Backbone:
        try:
            module = import_module(f"pytorchcv.models.{family}")
        except ImportError as error:
            raise FailedPrecondition(
                f"the network {name} needs the package pytorchcv, which is not installed where it is to run: "
                "pip install --no-deps pytorchcv (its requirement torchvision is not needed)"
            ) from error
        features = getattr(module, name)().features
        stages = {part: stage for part, stage in features.named_children() if part != "final_pool"}
        if name == "xception":
            stages["final_block"].pool = nn.Identity()
        return Backbone(stages, ends, Normalisation(smallest=smallest))

    return build


def _efficientnet_lite0(image_size: int) -> Backbone:
    from efficientnet_lite_pytorch import EfficientNet

    return _LiteBackbone(EfficientNet.from_name("efficientnet-lite0", image_size=image_size))


class _LiteBackbone(Backbone):
    """EfficientNet-Lite0 under its package's names, so that its wheel's weights fit."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__({}, (), Normalisation(_LITE_MEAN, _LITE_SCALE))
        network._fc = nn.Identity()
        self.network: Any = network

    def forward(self, x: Tensor) -> Tensor:
        return self.activations(x)[-1]

    def activations(self, x: Tensor) -> list[Tensor]:
        network = self.network
        maps: Tensor = network._swish(network._bn0(network._conv_stem(self._normalised(x))))
        found: list[Tensor] = []
        for block in network._blocks:
            before, maps = maps, block(maps)
            if maps.shape[-1] < before.shape[-1]:
                found.append(before)
        found.append(network._swish(network._bn1(network._conv_head(maps))))
        return found


_PLAIN = ("stage1", "stage2", "stage3", "stage4", "stage5")

BACKBONES: Mapping[str, Architecture] = {
    "efficientnet-lite0": Architecture(_efficientnet_lite0, "network._conv_head", 1280, 31.0),
    "vgg16": Architecture(_pytorchcv("vgg", "vgg16", _PLAIN), "features.stage5", 512, 15.5),
    "resnet50": Architecture(_pytorchcv("resnet", "resnet50", _PLAIN), "features.stage4", 2048, 0.0),
    "densenet201": Architecture(
        _pytorchcv("densenet", "densenet201", ("stage1", "stage2", "stage3", "post_activ")),
        "features.stage4",
        1920,
        14.0,
    ),
    "inceptionv3": Architecture(
        _pytorchcv("inceptionv3", "inceptionv3", _PLAIN, INCEPTION_SMALLEST),
        "features.stage3",
        2048,
        37.0,
        smallest=INCEPTION_SMALLEST,
    ),
    "xception": Architecture(
        _pytorchcv("xception", "xception", ("stage1", "stage2", "stage3", "final_block")),
        "features.final_block",
        2048,
        3.0,
    ),
    "efficientnet-b0": Architecture(
        _pytorchcv("efficientnet", "efficientnet_b0", ("stage1", "stage2", "stage4", "final_block")),
        "features.final_block",
        1280,
        0.0,
    ),
}
"""Where cells lie holds for inputs whose side is a multiple of 32; for others it is off by less than a cell."""
