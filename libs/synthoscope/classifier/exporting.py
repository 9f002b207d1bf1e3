"""A classifier as one ONNX model, from 8-bit pixels to logits and features, for serving without torch."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from synthoscope import models
from synthoscope.api.models.v1.models_pb2 import ModelVersion
from synthoscope.classifier.networks import Network, to_input
from synthoscope.classifier.outputs import OUTPUTS, Outputs, outputs_of
from synthoscope.images.centre_view import centre_view
from synthoscope.images.steps.normalization import Normalization
from synthoscope.models.versions import ONNX
from synthoscope.objects import ObjectStore
from synthoscope.onnx_models import OnnxModel, export
from synthoscope.rpc.errors import DataLoss

TOLERANCE = 1e-4
"""Largest difference from torch's, relative to the largest value where that is above 1."""


class _Pixels(nn.Module):
    """What is exported: images uint8 N×S×S×3 in, logits N×C and features N×D out."""

    def __init__(self, network: Network, normalization: Normalization, evaluation_crop: float) -> None:
        super().__init__()
        self.network = network
        self.normalization = normalization
        self.evaluation_crop = evaluation_crop

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return outputs_of(self.network, self.normalization.apply(centre_view(to_input(images), self.evaluation_crop)))


def export_classifier(
    network: Network, normalization: Normalization, evaluation_crop: float, images: NDArray[np.uint8]
) -> bytes:
    """The ONNX model of a network in evaluation mode; the images, uint8 N×S×S×3, are what it is checked on.

    Raises DataLoss when an output differs from torch's by more than TOLERANCE.
    """
    module = _Pixels(network, normalization, evaluation_crop)
    pixels = torch.from_numpy(images)
    with torch.inference_mode():
        expected = [output.numpy() for output in module(pixels)]
    exported = export(module, pixels[:1], OUTPUTS)
    for name, ours, theirs in zip(OUTPUTS, OnnxModel(exported)(images), expected, strict=True):
        difference = float(np.abs(ours - theirs).max() / max(1.0, np.abs(theirs).max()))
        if not difference <= TOLERANCE:
            raise DataLoss(f"the ONNX model's {name} differ from torch's by {difference:.1e}, more than {TOLERANCE}")
    return exported


def load_onnx(objects: ObjectStore, record: ModelVersion) -> "OnnxClassifier":
    """A version's ONNX model. Raises NotFound when it has none, DataLoss when it is damaged."""
    data = models.read_file(objects, record, ONNX)
    try:
        return OnnxClassifier(OnnxModel(data))
    except ValueError as error:
        raise DataLoss(f"{ONNX} of {record.name} {error}") from error


class OnnxClassifier:
    """A classifier's ONNX model: the same outputs as its network's."""

    def __init__(self, model: OnnxModel) -> None:
        self._model = model

    def __call__(self, images: NDArray[np.uint8]) -> Outputs:
        """Logits and features of images uint8 N×S×S×3 as the version's pipeline makes them."""
        return Outputs(*self._model(images))
