"""Which training images make up an epoch's batches. Depends on the seed and the epoch alone."""

import numpy as np
import torch
from numpy.typing import NDArray

from synthoscope.classifier.config import Balance, ClassifierConfig
from synthoscope.rpc.errors import FailedPrecondition
from synthoscope.training.randomness import numpy_generator, torch_generator


def steps_of(config: ClassifierConfig, images: int) -> int:
    """Steps of an epoch. Raises FailedPrecondition when an epoch is one pass and the images do not fill a batch."""
    steps = config.steps_per_epoch or images // config.batch_size
    if steps == 0:
        raise FailedPrecondition(
            f"{images} training images are fewer than a batch of {config.batch_size}; use a smaller batch_size"
        )
    return steps


def batches(config: ClassifierConfig, labels: NDArray[np.int64], epoch: int) -> NDArray[np.int64]:
    """The rows of an epoch's batches, int64 steps × batch, of training images with these labels.

    In a pass, the order is new in every epoch, and what does not fill a batch at its end is left out. With
    `steps_per_epoch`, passes follow one another without regard to where epochs end. With balanced sampling each class
    that has images is drawn equally often, with replacement.
    """
    steps = steps_of(config, len(labels))
    size = steps * config.batch_size
    if config.class_balance is Balance.SAMPLING:
        rows = _balanced(labels, size, numpy_generator(config.seed, "sampling", epoch))
    elif config.steps_per_epoch:
        rows = _stream(config.seed, len(labels), epoch * size, size)
    else:
        rows = _pass(config.seed, len(labels), epoch)[:size]
    return rows.reshape(steps, config.batch_size)


def _pass(seed: int, images: int, number: int) -> NDArray[np.int64]:
    order: NDArray[np.int64] = torch.randperm(images, generator=torch_generator(seed, "order", number)).numpy()
    return order


def _stream(seed: int, images: int, start: int, size: int) -> NDArray[np.int64]:
    """Rows `start` to `start + size` of endlessly many passes."""
    first, last = start // images, (start + size - 1) // images
    rows = np.concatenate([_pass(seed, images, number) for number in range(first, last + 1)])
    return rows[start - first * images :][:size]


def _balanced(labels: NDArray[np.int64], size: int, generator: np.random.Generator) -> NDArray[np.int64]:
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    classes = generator.permutation(np.arange(size) % len(members))
    return np.array([generator.choice(members[number]) for number in classes], np.int64)
