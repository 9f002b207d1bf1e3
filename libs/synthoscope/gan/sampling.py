"""Images of trained generators. Image i of a class depends on the seed, the class and i alone."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from synthoscope.api.models.v1.models_pb2 import ModelVersion
from synthoscope.gan.config import PRESETS, Conditioning, GanConfig
from synthoscope.gan.families import Family, family_of
from synthoscope.gan.families.convolutional import Infogan
from synthoscope.gan.labels import labels_of
from synthoscope.gan.sampling_options import Checkpoint, SamplingOptions, check_weights
from synthoscope.images.grids import grid as arrange
from synthoscope.models.weights import load_weights
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import DataLoss, FailedPrecondition, InvalidInput
from synthoscope.training.randomness import torch_generator

CHUNK = 16
"""Images through the network at a time. Fixed, since the size of a batch can change the last bits of a result."""


@dataclass(frozen=True)
class Generators:
    """The generators of a model version and the labels they know; the label is empty for one over all classes."""

    labels: tuple[str, ...]
    image_size: int
    conditioning: Conditioning
    family: Family
    networks: tuple[nn.Module, ...]
    discriminators: tuple[nn.Module, ...] = ()

    def of(self, label: str) -> tuple[nn.Module, Tensor | None]:
        """The generator for a label, and the class number to give it. Raises InvalidInput for an unknown label."""
        if label not in self.labels:
            raise InvalidInput("label", f"must be one of {', '.join(map(repr, self.labels))}")
        number = torch.tensor([self.labels.index(label)])
        return self.networks[self.part(label)], number if self.conditioning is Conditioning.CONDITIONAL else None

    def part(self, label: str) -> int:
        """Which of the networks makes a label's images."""
        return self.labels.index(label) if self.conditioning is Conditioning.PER_CLASS else 0


def load(
    objects: ObjectStore, record: ModelVersion, checkpoint: Checkpoint = Checkpoint.DEFAULT, judged: bool = False
) -> Generators:
    """The generators of a published model version, on the CPU; with their discriminators if `judged`.

    Raises FailedPrecondition when it is not a GAN or has not the weights asked for, DataLoss when its weights are
    damaged or are not of its preset.
    """
    return from_tensors(record, load_weights(objects, record), checkpoint, judged)


def from_tensors(
    record: ModelVersion,
    tensors: Mapping[str, Tensor],
    checkpoint: Checkpoint = Checkpoint.DEFAULT,
    judged: bool = False,
) -> Generators:
    """The generators of a model version whose weights were read, by default averaged ones if there are; as `load`.

    A discriminator is always the last step's: no other is published.
    """
    labels = labels_of(record)
    config = config_of(record)
    family = family_of(config, len(labels) if config.conditioning is Conditioning.CONDITIONAL else 0)
    parts = len(labels) if config.conditioning is Conditioning.PER_CLASS else 1
    check_weights(record, frozenset(tensors), checkpoint, judged)
    generators, discriminators = [], []
    for part in range(parts):
        state = _named(tensors, f"{part}.{checkpoint or Checkpoint.AVERAGE}.")
        built = family.build(seed=0) if judged else family.networks()
        generators.append(_loaded(record, built.generator, state or _named(tensors, f"{part}.generator.")))
        if judged:
            discriminators.append(_loaded(record, built.discriminator, _named(tensors, f"{part}.discriminator.")))
    return Generators(labels, config.image_size, config.conditioning, family, tuple(generators), tuple(discriminators))


def change_of(family: Family, options: SamplingOptions) -> Callable[[Tensor], Tensor]:
    """What options do to latent vectors, N×L."""

    def change(latent: Tensor) -> Tensor:
        if options.truncation:
            latent = family.truncated(latent, options.truncation)
        if isinstance(family, Infogan):
            latent = family.with_codes(latent, options.category, dict(options.continuous))
        return latent

    return change


def unchanged(latent: Tensor) -> Tensor:
    """The latent vectors as they were drawn."""
    return latent


def sample(
    generators: Generators,
    label: str,
    count: int,
    seed: int,
    batch: int = 64,
    first: int = 0,
    change: Callable[[Tensor], Tensor] = unchanged,
) -> Iterator[NDArray[np.uint8]]:
    """The images [first, first + count) of a label and a seed, uint8 n×S×S×3, in batches of at most `batch`.

    `change` may replace latent vectors, N×L, row by row, such as InfoGAN's codes (`Infogan.with_codes`).

    Image i is the same whatever `first`, `count` and `batch` are, at the same number of threads. Raises InvalidInput
    for a label the generators do not know.
    """
    waiting: list[NDArray[np.uint8]] = []
    end = first + count
    for chunk, pixels in chunks(generators, label, count, seed, first, change):
        waiting.extend(pixels[max(first - chunk, 0) : end - chunk])
        while len(waiting) >= batch:
            yield np.stack(waiting[:batch])
            del waiting[:batch]
    if waiting:
        yield np.stack(waiting)


def chunks(
    generators: Generators,
    label: str,
    count: int,
    seed: int,
    first: int = 0,
    change: Callable[[Tensor], Tensor] = unchanged,
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """The chunks that hold the images `sample` gives: the index of each one's first image, and all CHUNK of them."""
    network, number = generators.of(label)
    for chunk in range(first - first % CHUNK, first + count, CHUNK):
        indices = range(chunk, chunk + CHUNK)
        latent = change(torch.cat([_latent(generators.family, seed, label, index) for index in indices]))
        yield (
            chunk,
            to_pixels(generators.family, network, latent, None if number is None else number.expand(CHUNK)),
        )


@torch.no_grad()
def scores(generators: Generators, label: str, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How real the discriminator takes images of a label for, N, uint8 N×S×S×3: comparable within the label only.

    A discriminator may compare images with each other, so the score of one may depend on the others.
    """
    _, number = generators.of(label)
    channels = generators.family.config.channels
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2)[:, :channels].float() / 127.5 - 1
    discriminator = generators.discriminators[generators.part(label)]
    found = generators.family.realness(discriminator, images, None if number is None else number.expand(len(images)))
    return found.double().numpy()


def grid(family: Family, network: nn.Module, latent: Tensor, labels: Tensor | None = None) -> NDArray[np.uint8]:
    """The images of some latent vectors in rows of five, uint8 H×W×3."""
    return arrange(to_pixels(family, network, latent, labels), columns=5)


@torch.no_grad()
def to_pixels(family: Family, network: nn.Module, latent: Tensor, labels: Tensor | None = None) -> NDArray[np.uint8]:
    """The images of latent vectors, N×L, and labels: uint8 N×S×S×3, grey ones with three equal channels."""
    device = next(network.parameters()).device
    with evaluating(network):
        images = family.sample(network, latent.to(device), None if labels is None else labels.to(device))
    scaled = ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).expand(-1, 3, -1, -1)
    pixels: NDArray[np.uint8] = scaled.permute(0, 2, 3, 1).cpu().numpy()
    return pixels


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Batch norms use their running statistics, so that an image does not depend on those beside it."""
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_training)


def _loaded(record: ModelVersion, network: nn.Module, state: Mapping[str, Tensor]) -> nn.Module:
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise DataLoss(f"the weights of {record.name} are not those of preset {record.preset}") from error
    loaded: nn.Module = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return loaded.eval()


def config_of(record: ModelVersion) -> GanConfig:
    """The configuration a version was trained with; what old versions did not record is the preset's."""
    if record.preset not in PRESETS:
        raise FailedPrecondition(f"{record.name} is of preset {record.preset!r}, which this code does not know")
    return GanConfig.from_json({"epochs": 1} | dict(record.config) | {"preset": record.preset})


def _named(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _latent(family: Family, seed: int, label: str, index: int) -> Tensor:
    """All that one image is made of, 1×L."""
    return family.latent(1, torch_generator(seed, "sample", label, index))
