"""A classifier as one ONNX model, from 8-bit pixels to logits and features, for serving without torch."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from synthoscope.classifier.network_outputs import outputs_of
from synthoscope.classifier.networks import Network, to_input
from synthoscope.classifier.outputs import NAMES, Outputs
from synthoscope.classifier.reliability.temperature import finding_probabilities, probabilities
from synthoscope.images.centre_view import centre_view
from synthoscope.images.steps.normalization import Normalization
from synthoscope.onnx_models import OnnxModel, export
from synthoscope.rpc.errors import DataLoss

TOLERANCE = 1e-4
"""Largest difference from torch's: of probabilities, and of logits and features relative to their largest value where
that is above 1, which is all that float32 can hold.
"""


class _Pixels(nn.Module):
    """What is exported: images uint8 N×S×S×3 in, logits N×C and features N×D out."""

    def __init__(self, network: Network, normalization: Normalization, evaluation_crop: float) -> None:
        super().__init__()
        self.network = network
        self.normalization = normalization
        self.evaluation_crop = evaluation_crop

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return outputs_of(self.network, self.normalization.apply(centre_view(to_input(images), self.evaluation_crop)))


@dataclass(frozen=True)
class Exported:
    """An ONNX model, and its largest difference from torch's outputs as TOLERANCE bounds it."""

    data: bytes
    difference: float


def export_classifier(
    network: Network, normalization: Normalization, evaluation_crop: float, images: NDArray[np.uint8]
) -> Exported:
    """The ONNX model of a network in evaluation mode; the images, uint8 N×S×S×3, are what it is checked on.

    Raises DataLoss when an output differs from torch's by more than TOLERANCE.
    """
    module = _Pixels(network, normalization, evaluation_crop)
    pixels = torch.from_numpy(images)
    with torch.inference_mode():
        expected = [output.numpy() for output in module(pixels)]
    data = export(module, pixels[:1], NAMES)
    found = _differences(Outputs(*OnnxModel(data)(images)), Outputs(*expected))
    for name, difference in found.items():
        # Written as "is it within", so that NaN is refused as well.
        if not difference <= TOLERANCE:
            raise DataLoss(f"the ONNX model's {name} differ from torch's by {difference:.1e}, more than {TOLERANCE}")
    return Exported(data, max(found.values()))


def _differences(ours: Outputs, theirs: Outputs) -> dict[str, float]:
    """The largest differences, by what differs."""

    def relative(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
        return float(np.abs(one - other).max() / max(1.0, np.abs(other).max()))

    told = [
        np.abs(read(ours.logits, 1.0) - read(theirs.logits, 1.0)).max()
        for read in (probabilities, finding_probabilities)
    ]
    return {
        "logits": relative(ours.logits, theirs.logits),
        "features": relative(ours.features, theirs.features),
        "probabilities": float(max(told)),
    }
