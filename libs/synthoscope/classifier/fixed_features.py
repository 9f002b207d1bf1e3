"""What a frozen backbone makes of each image, computed once instead of in every epoch."""

import hashlib
import json
from collections.abc import Callable

import numpy as np
import torch
from google.protobuf import json_format
from numpy.typing import NDArray
from torch import Tensor, nn

from synthoscope.classifier.inputs import PixelInputs
from synthoscope.classifier.networks.transfer import TransferNetwork
from synthoscope.datasets.cache import PixelCache
from synthoscope.onnx_models import OnnxModel, export

_BATCH = 16


class FixedPart(nn.Module):
    """A transfer network's `fixed_part` as a module, so that it can be exported."""

    def __init__(self, network: TransferNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """What the backbone makes of images N×3×S×S."""
        return self.network.fixed_part(x)


def fixed_features(
    network: TransferNetwork, inputs: PixelInputs, cache: PixelCache | None = None
) -> NDArray[np.float32]:
    """`fixed_part` of all images, float32 N×…; on a CPU through ONNX Runtime, which agrees with torch within 1e-4.

    With a cache they are kept on the disk, under a digest of pixels, weights and the kind of head, and found again by
    whoever asks for the same: another attempt, or another run on the same images with the same first weights and head.
    Another seed holds other images out, and so has other ones to train on.
    """
    network.eval()
    rows = np.arange(len(inputs.images))
    with torch.inference_mode():
        shape = (len(rows), *network.fixed_part(inputs.plain(rows[:1])).shape[1:])

    def fill(features: NDArray[np.float32]) -> None:
        compute = _compiled(network, inputs.plain(rows[:1]))
        for start in range(0, len(rows), _BATCH):
            features[start : start + _BATCH] = compute(inputs.plain(rows[start : start + _BATCH]))

    if cache is None:
        features = np.empty(shape, np.float32)
        fill(features)
        return features
    return cache.get(f"features/{_digest(network, inputs)}", shape, fill, np.float32)


def _compiled(network: TransferNetwork, example: Tensor) -> Callable[[Tensor], NDArray[np.float32]]:
    """`fixed_part` of a batch, as fast as its device can."""
    if example.is_cuda:

        @torch.inference_mode()
        def on_gpu(images: Tensor) -> NDArray[np.float32]:
            return network.fixed_part(images).cpu().numpy()

        return on_gpu
    model = OnnxModel(export(FixedPart(network), example))
    return lambda images: model(images.numpy())[0]


def _digest(network: TransferNetwork, inputs: PixelInputs) -> str:
    # The pipeline's own digest leaves normalisation out.
    pipeline = json_format.MessageToDict(inputs.pipeline.to_message())
    told = [pipeline, type(network).__name__, inputs.config.evaluation_crop, inputs.images.shape]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for name, weights in network.get_submodule("backbone").state_dict().items():
        digest.update(name.encode())
        digest.update(weights.cpu().contiguous().numpy().tobytes())
    digest.update(np.ascontiguousarray(inputs.images).data)
    return digest.hexdigest()
