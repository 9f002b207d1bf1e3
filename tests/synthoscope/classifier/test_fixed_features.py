from dataclasses import replace

import numpy as np
import pytest
import torch
from spots import spots

from synthoscope.classifier.config import ALL_EPOCHS, NO_AUGMENTATION, Head
from synthoscope.classifier.data import TrainingData
from synthoscope.classifier.fixed_features import fixed_features
from synthoscope.classifier.inputs import PixelInputs
from synthoscope.classifier.loop import train
from synthoscope.classifier.networks import build_network
from synthoscope.classifier.objectives import OneOf
from synthoscope.classifier.presets import PRESETS
from synthoscope.classifier.state import curves_of
from synthoscope.datasets.cache import PixelCache
from synthoscope.images.augmentation import Augmentation
from synthoscope.images.preprocessing import Pipeline
from synthoscope.images.steps.normalization import Normalization

pytestmark = pytest.mark.usefixtures("one_thread")

FROZEN = replace(
    PRESETS["efficientnet-lite0"],
    image_size=64,
    epochs=3,
    batch_size=8,
    seed=4,
    frozen_epochs=ALL_EPOCHS,
    augmentation=NO_AUGMENTATION,
    backbone_rate=1.0,
)


def data() -> TrainingData:
    return TrainingData(spots(32), spots(16, seed=1))


def inputs(images: np.ndarray) -> PixelInputs:
    return PixelInputs(images, Pipeline(), FROZEN, torch.device("cpu"))


def test_training_on_cached_features_gives_what_computing_them_each_epoch_does():
    cached = curves_of(train(FROZEN, data(), OneOf(tuple("abc"))))
    # A change that changes nothing: the loop cannot know that the features stay the same.
    computed = replace(FROZEN, augmentation=Augmentation(0, 0, 0, 0, 0, contrast=1e-12))
    assert FROZEN.features_are_fixed
    assert not computed.features_are_fixed
    again = curves_of(train(computed, data(), OneOf(tuple("abc"))))
    for name, values in cached.items():
        assert values == pytest.approx(again[name], rel=2e-3, abs=2e-4), name


def test_features_are_kept_under_their_content(tmp_path, monkeypatch):
    network, cache = build_network("efficientnet-lite0", 3, image_size=64), PixelCache(tmp_path)
    images = spots(5).images
    first = fixed_features(network, inputs(images), cache)
    with torch.inference_mode():
        expected = network.eval().fixed_part(inputs(images).plain(np.arange(5)))
    torch.testing.assert_close(torch.from_numpy(np.array(first)), expected, atol=1e-4, rtol=1e-3)
    monkeypatch.setattr("synthoscope.classifier.fixed_features.export", pytest.fail)
    assert np.array_equal(fixed_features(network, inputs(images.copy()), cache), first)
    monkeypatch.undo()
    other = images.copy()
    other[0, 0, 0] ^= 1
    fixed_features(network, inputs(other), cache)
    fixed_features(build_network("efficientnet-lite0", 3, seed=1, image_size=64), inputs(images), cache)
    assert len(list(tmp_path.glob("features/*.npy"))) == 3


def test_normalisations_share_no_cached_features(tmp_path):
    network, images = build_network("efficientnet-lite0", 3, image_size=64), spots(3).images
    other = replace(inputs(images), pipeline=Pipeline(normalization=Normalization(0.5, 0.25)))
    for given in (inputs(images), other):
        with torch.inference_mode():
            expected = network.eval().fixed_part(given.plain(np.arange(3)))
        found = torch.from_numpy(np.array(fixed_features(network, given, PixelCache(tmp_path))))
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)


def test_heads_share_no_cached_features(tmp_path):
    cache = PixelCache(tmp_path)
    for head in Head:
        network = build_network("efficientnet-lite0", 3, image_size=64, head=head)
        fixed_features(network, inputs(spots(3).images), cache)
    assert len(list(tmp_path.glob("features/*.npy"))) == 2
