"""One training of an experiment: on an arm's images, with a fixed number of optimiser steps."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from google.protobuf.json_format import MessageToDict
from numpy.typing import NDArray
from torch import nn

from synthoscope.classifier import loop
from synthoscope.classifier.config import NO_AUGMENTATION, ClassifierConfig
from synthoscope.classifier.data import LabelledPixels, TrainingData
from synthoscope.classifier.inputs import PixelInputs
from synthoscope.classifier.objectives import objective_of
from synthoscope.classifier.reliability.temperature import probabilities
from synthoscope.classifier.state import best_weights, curves_of, network_of
from synthoscope.experiment.arms import Arm
from synthoscope.images.augmentation import Augmentation
from synthoscope.images.preprocessing import Pipeline

CODE = "2"
"""Part of every digest: change it whenever the same configuration and images would be trained otherwise."""

_BATCH = 128


@dataclass(frozen=True)
class Trained:
    """The weights of the best epoch on validation, and macro F1 there by epoch."""

    weights: dict[str, torch.Tensor]
    validation_macro_f1: tuple[float, ...]


def config_of(base: ClassifierConfig, arm: Arm, seed: int, batches: int) -> ClassifierConfig:
    """The configuration of a run: `batches` optimiser steps an epoch, all epochs, random changes in one arm only.

    Where the base changes nothing, that arm has the first paper's changes: else it would be the one of real images.
    """
    changes = Augmentation() if base.augmentation == NO_AUGMENTATION else base.augmentation
    return replace(
        base,
        seed=seed,
        steps_per_epoch=base.steps_per_epoch or batches,
        early_stopping_patience=base.epochs,
        augmentation=changes if arm is Arm.AUGMENTED else NO_AUGMENTATION,
    )


def train(
    config: ClassifierConfig,
    data: TrainingData,
    classes: Sequence[str],
    surroundings: loop.Surroundings,
    initialise: Callable[[nn.Module], None],
) -> Trained:
    """Trains once; raises what the loop raises."""
    objective = objective_of(config, classes, data.training.counts(len(classes)))
    final = loop.train(config, data, objective, surroundings, initialise=initialise)
    return Trained(best_weights(final), curves_of(final)["validation_macro_f1"])


@torch.inference_mode()
def predict(
    config: ClassifierConfig,
    weights: dict[str, torch.Tensor],
    classes: int,
    images: NDArray[np.uint8],
    pipeline: Pipeline,
) -> NDArray[np.float32]:
    """Class probabilities, float32 N×C, of images uint8 N×S×S×3 by a run's weights."""
    network = network_of(config, classes)
    network.load_state_dict(weights)
    network.eval()
    inputs = PixelInputs(images, pipeline, config, loop.CPU)
    parts = [
        inputs.logits(network, inputs.plain(np.arange(start, min(start + _BATCH, len(images))))).numpy()
        for start in range(0, len(images), _BATCH)
    ]
    return probabilities(np.concatenate(parts), 1.0)


def digest_of(config: ClassifierConfig, data: TrainingData, threads: int) -> str:
    """Tells runs apart that may end differently: configuration, all images and labels that they see, and how.

    Another number of PyTorch's threads adds in another order, and so gives other last bits.
    """
    parts = (data.training, data.validation)
    # The pipeline's own digest leaves normalisation out. With the counts, bytes of one part are never taken for those
    # of the other.
    pipeline = MessageToDict(data.pipeline.to_message())
    told = json.dumps([CODE, threads, config.to_json(), pipeline, [len(part) for part in parts]], sort_keys=True)
    digest = hashlib.sha256(told.encode())
    for part in parts:
        _update(digest, part)
    return digest.hexdigest()


def _update(digest: "hashlib._Hash", part: LabelledPixels) -> None:
    digest.update(np.ascontiguousarray(part.images).data)
    digest.update(part.labels.tobytes())
