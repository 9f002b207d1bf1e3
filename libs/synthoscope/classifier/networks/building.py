"""A preset's network, with weights that depend only on the seed."""

import torch

from synthoscope.classifier.config import Head, Output
from synthoscope.classifier.networks.backbones import BACKBONES
from synthoscope.classifier.networks.network import Network, initialise_as_keras
from synthoscope.classifier.networks.seed1 import SeedCnn
from synthoscope.classifier.networks.seed3 import MriCnn
from synthoscope.classifier.networks.seed4 import VggXray
from synthoscope.classifier.networks.seed5 import XrayCnn
from synthoscope.classifier.networks.transfer import FlattenedHead, PooledHead
from synthoscope.classifier.presets import PRESETS
from synthoscope.training.randomness import derive_seed, torch_generator


def build_network(
    preset: str,
    outputs: int,
    seed: int = 0,
    image_size: int = 0,
    head: Head | None = None,
    output: Output = Output.SOFTMAX,
) -> Network:
    """A preset's network for images of `image_size` px; 0 and None take the preset's size and head.

    It has a logit for each of the `outputs`, which are classes, or findings where `output` says so: two classes may be
    one unit, as in the papers; two findings never are.

    On the CPU, channels last, in training mode. Raises KeyError for an unknown preset, FailedPrecondition when its
    package is not installed.
    """
    image_size = image_size or PRESETS[preset].image_size
    if preset in BACKBONES:
        network: Network = _transfer(preset, outputs, seed, image_size, head or PRESETS[preset].head, output)
    else:
        network = _of_a_paper(preset, outputs, image_size, output)
        initialise_as_keras(network, torch_generator(seed, "weights"))
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _of_a_paper(preset: str, outputs: int, image_size: int, output: Output) -> Network:
    match preset:
        case "cnn-mri" | "cnn-mri-pooled":
            return MriCnn(image_size, outputs, pooled=preset == "cnn-mri-pooled")
        case "vgg16-xray":
            return VggXray(outputs, output)
        case "cnn-xray":
            return XrayCnn(image_size, outputs, output)
    return SeedCnn(image_size, outputs)


def _transfer(preset: str, outputs: int, seed: int, image_size: int, head: Head, output: Output) -> Network:
    architecture = BACKBONES[preset]
    # The packages draw their first weights from torch's global generator, which is put back as it was.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "weights"))
        if head is Head.POOLED:
            return PooledHead(architecture, image_size, outputs)
        return FlattenedHead(architecture, image_size, outputs, output)
