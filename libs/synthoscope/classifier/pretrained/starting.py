"""Gives a new network the weights that a configuration starts from."""

from collections.abc import Callable

from torch import nn

from synthoscope.classifier.config import ClassifierConfig
from synthoscope.classifier.pretrained.catalogue import RELEASES
from synthoscope.classifier.pretrained.sources import initial_weights, load_into
from synthoscope.objects import ObjectStore


def initialiser(
    objects: ObjectStore, config: ClassifierConfig, url_base: str = RELEASES
) -> Callable[[nn.Module], None]:
    """What puts the configuration's `weights` into a network's backbone, if it has one; they are read here, once.

    Raises what `sources.initial_weights` raises; the function FailedPrecondition when they do not fit the network.
    """
    weights = initial_weights(objects, config.weights, config.preset, url_base) if config.is_transfer else None

    def initialise(network: nn.Module) -> None:
        if weights is not None:
            load_into(network.get_submodule("backbone"), weights, config.weights)

    return initialise
