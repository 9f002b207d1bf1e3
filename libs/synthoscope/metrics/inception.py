"""The features of Inception v3 by which papers give FID, KID and Inception score, from torch-fidelity.

Szegedy et al. 2016, "Rethinking the Inception architecture"; the weights are those of Heusel et al. 2017, converted by
toshas/torch-fidelity. It is an extra, since it needs torchvision and downloads 91 MB: pip install
'synthoscope[inception]'. Only its numbers compare with published ones, and only at published numbers of images.
"""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthoscope.metrics.feature_extractor import check_colour_images, softmax
from synthoscope.rpc.errors import DataLoss, FailedPrecondition

Network = Callable[[Tensor], tuple[Tensor, ...]]

_BATCH = 16
_INSTALL = "Inception features need torch-fidelity and torchvision: pip install 'synthoscope[inception]'"


@dataclass(frozen=True)
class InceptionV3:
    """A FeatureExtractor: pooled features of Inception v3, and the probabilities of its 1,008 outputs.

    `network` gives the features N×2048 of uint8 N×3×H×W, `head` is its last layer's weights 1008×2048, used, as in the
    reference implementation of the Inception score, without their bias.
    """

    network: Network
    head: NDArray[np.float32]
    name: str = "inception-v3-compat"
    dimensions: int = 2048

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Float32 N×2048 of uint8 RGB images N×H×W×3. Raises ValueError for other shapes or dtypes."""
        check_colour_images(images)
        pooled = np.empty((len(images), self.dimensions), np.float32)
        with torch.inference_mode():
            for start in range(0, len(images), _BATCH):
                pixels = np.ascontiguousarray(images[start : start + _BATCH].transpose(0, 3, 1, 2))
                pooled[start : start + _BATCH] = self.network(torch.from_numpy(pixels))[0].numpy()
        return pooled

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Class probabilities, float32 N×1008, of features N×2048."""
        return softmax(features @ self.head.T)


@cache
def inception_v3() -> InceptionV3:
    """The extractor with its weights, downloaded by torch.hub when first used, loaded once per process.

    Raises FailedPrecondition, saying what to do, where torch-fidelity is not installed or the weights cannot be had;
    DataLoss where they are damaged.
    """
    try:
        from torch_fidelity import feature_extractor_inceptionv3 as fidelity
    except ImportError as error:
        raise FailedPrecondition(_INSTALL) from error
    _fetch(fidelity.URL_INCEPTION_V3)
    network = fidelity.FeatureExtractorInceptionV3("inception-v3-compat", ["2048"])
    return InceptionV3(network, network.fc.weight.detach().numpy())


def _fetch(url: str) -> None:
    """Puts the weights where torch-fidelity looks for them, checked by the digest in their name and read as tensors."""
    try:
        torch.hub.load_state_dict_from_url(url, progress=False, check_hash=True, weights_only=True)
    except OSError as error:  # as urllib's errors are
        where = f"{torch.hub.get_dir()}/checkpoints"
        raise FailedPrecondition(f"Inception's weights cannot be had ({error}): put {url} into {where}") from error
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise DataLoss(
            f"Inception's weights are damaged: remove them from {torch.hub.get_dir()}/checkpoints"
        ) from error
