"""Images of trained generators. Image i of a class depends on the seed, the class and i alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthoscope.api.models.v1.models_pb2 import ModelVersion
from synthoscope.gan.config import Conditioning
from synthoscope.gan.labels import labels_of
from synthoscope.gan.networks import LATENT_SIZE, UPSAMPLING, Generator
from synthoscope.images.grids import grid as arrange
from synthoscope.models.weights import load_weights
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import DataLoss, InvalidInput
from synthoscope.training.randomness import torch_generator

CHUNK = 16
"""Images through the network at a time. Fixed, since the size of a batch can change the last bits of a result."""


@dataclass(frozen=True)
class Generators:
    """The generators of a model version and the labels they know; the label is empty for one over all classes."""

    labels: tuple[str, ...]
    image_size: int
    conditioning: Conditioning
    networks: tuple[Generator, ...]

    def of(self, label: str) -> tuple[Generator, Tensor | None]:
        """The generator for a label, and the class number to give it. Raises InvalidInput for an unknown label."""
        if label not in self.labels:
            raise InvalidInput("label", f"must be one of {', '.join(map(repr, self.labels))}")
        number = self.labels.index(label)
        if self.conditioning is Conditioning.PER_CLASS:
            return self.networks[number], None
        return self.networks[0], torch.tensor([number]) if self.conditioning is Conditioning.CONDITIONAL else None


def load(objects: ObjectStore, record: ModelVersion) -> Generators:
    """The generators of a published model version, on the CPU.

    Raises FailedPrecondition when it is not a GAN, DataLoss when its weights are damaged or are not of its preset.
    """
    return from_tensors(record, load_weights(objects, record))


def from_tensors(record: ModelVersion, tensors: Mapping[str, Tensor]) -> Generators:
    """The generators of a model version whose weights were read already; raises as `load`."""
    labels = labels_of(record)
    conditioning = Conditioning(str(record.config["conditioning"]))
    classes = len(labels) if conditioning is Conditioning.CONDITIONAL else 0
    parts = len(labels) if conditioning is Conditioning.PER_CLASS else 1
    generators = []
    for part in range(parts):
        generator = Generator(UPSAMPLING[record.preset], classes)
        prefix = f"{part}.generator."
        state = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
        try:
            generator.load_state_dict(state)
        except RuntimeError as error:
            raise DataLoss(f"the weights of {record.name} are not those of preset {record.preset}") from error
        generators.append(generator.to(memory_format=torch.channels_last).eval())  # type: ignore[call-overload]
    return Generators(labels, record.image_size, conditioning, tuple(generators))


def sample(
    generators: Generators, label: str, count: int, seed: int, batch: int = 64, first: int = 0
) -> Iterator[NDArray[np.uint8]]:
    """The images [first, first + count) of a label and a seed, uint8 n×S×S×3, in batches of at most `batch`.

    Image i is the same whatever `first`, `count` and `batch` are, at the same number of threads. Raises InvalidInput
    for a label the generators do not know.
    """
    network, number = generators.of(label)
    waiting: list[NDArray[np.uint8]] = []
    end = first + count
    for chunk in range(first - first % CHUNK, end, CHUNK):
        latent = torch.cat([_latent(seed, label, index) for index in range(chunk, chunk + CHUNK)])
        pixels = to_pixels(network, latent, None if number is None else number.expand(CHUNK))
        waiting.extend(pixels[max(first - chunk, 0) : end - chunk])
        while len(waiting) >= batch:
            yield np.stack(waiting[:batch])
            del waiting[:batch]
    if waiting:
        yield np.stack(waiting)


def grid(network: Generator, latent: Tensor, labels: Tensor | None = None) -> NDArray[np.uint8]:
    """The images of some latent vectors in rows of five, uint8 H×W×3."""
    return arrange(to_pixels(network, latent, labels), columns=5)


@torch.no_grad()
def to_pixels(network: Generator, latent: Tensor, labels: Tensor | None = None) -> NDArray[np.uint8]:
    """The images of latent vectors, N×100, and labels: uint8 N×S×S×3."""
    device = network.dense.weight.device
    images = network(latent.to(device), None if labels is None else labels.to(device))
    scaled = ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    pixels: NDArray[np.uint8] = scaled.permute(0, 2, 3, 1).cpu().numpy()
    return pixels


def _latent(seed: int, label: str, index: int) -> Tensor:
    """The latent vector of one image, 1×100."""
    return torch.randn(1, LATENT_SIZE, generator=torch_generator(seed, "sample", label, index))
