"""That a short run learns something: bright discs, left for one class and right for the other."""

import numpy as np
import pytest
import torch

from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.gan import sampling
from synthoscope.gan.config import Conditioning, GanConfig
from synthoscope.gan.loop import train
from synthoscope.training.callbacks import NoCallbacks

COUNT = 256
LABELS = np.arange(COUNT) % 2


def discs():
    """Images, uint8 N×28×28×3: a disc of random size and height, at the left for class 0."""
    numbers = np.random.default_rng(0)
    y, x = np.mgrid[:28, :28]
    middle = np.where(LABELS == 0, 8, 20) + numbers.normal(0, 1.5, COUNT)
    height, size = 14 + numbers.normal(0, 3, COUNT), numbers.uniform(2.5, 4.5, COUNT)
    squares = (x - middle[:, None, None]) ** 2 + (y - height[:, None, None]) ** 2
    grey = 30 + 200 * np.exp(-squares / (2 * size[:, None, None] ** 2))
    return grey.astype(np.uint8)[..., None].repeat(3, 3)


class Last(NoCallbacks):
    def on_checkpoint(self, checkpoint):
        self.tensors = {name: tensor.clone() for name, tensor in checkpoint.tensors.items()}


@pytest.mark.slow
@pytest.mark.training
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("preset", ["r3", "sngan-mri", "lsgan", "wgan-gp", "infogan"])
def test_each_class_looks_like_itself_and_not_like_the_other(preset):
    torch.set_num_threads(1)
    images, last = discs(), Last()
    config = GanConfig(
        preset,
        epochs=60,  # with 30, what some have learned depends on the last bits
        conditioning=Conditioning.CONDITIONAL,
        batch_size=16,
        image_size=28,
        channels=1,
        width=8,
        sample_every=10**6,
        checkpoint_every=10**6,
    )
    train(config, images, LABELS, ("left", "right"), callbacks=last)
    record = ModelVersion(kind=ModelKind.MODEL_KIND_GAN, preset=preset, classes=["left", "right"])
    record.config.update(config.to_json())
    generators = sampling.from_tensors(record, last.tensors)
    means = [images[number == LABELS].mean((0, 3)) for number in (0, 1)]
    for number, label in enumerate(generators.labels):
        made = next(sampling.sample(generators, label, 64, seed=1)).mean((0, 3))
        own, other = (np.corrcoef(made.ravel(), mean.ravel())[0, 1] for mean in (means[number], means[1 - number]))
        assert own > 0.3
        assert own > other + 0.3
