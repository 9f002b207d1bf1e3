import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_image

from synthoscope.metrics import efficientnet_lite0


def _images(n, size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, size=(n, size, size, 3), dtype=np.uint8)


def test_gives_1280_finite_numbers_an_image():
    features = efficientnet_lite0.features(_images(3, 64))
    assert features.shape == (3, efficientnet_lite0.DIMENSIONS)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert features.std() > 0


def test_does_not_depend_on_the_batch():
    images = _images(5, 128)
    together = efficientnet_lite0.features(images, batch_size=5)
    apart = efficientnet_lite0.features(images, batch_size=2)
    np.testing.assert_allclose(together, apart, rtol=1e-4, atol=1e-5)


def test_recognises_a_photograph():
    # Fails when the weights, the padding or the order of channels are not what the network was trained with.
    temple = load_sample_image("china.jpg")[:427, :427]
    pooled = torch.from_numpy(efficientnet_lite0.features(temple[None]))
    probabilities = efficientnet_lite0.network()._fc(pooled).softmax(dim=1)[0]
    bell_cote, palace, stupa = probabilities[442], probabilities[698], probabilities[832]
    assert bell_cote + palace + stupa > 0.8


def test_empty_gives_empty():
    assert efficientnet_lite0.features(_images(0, 64)).shape == (0, 1280)


@pytest.mark.parametrize(
    "images", [np.zeros((1, 8, 8, 3)), np.zeros((8, 8, 3), np.uint8), np.zeros((1, 8, 8, 1), np.uint8)]
)
def test_refuses_what_is_not_uint8_rgb(images):
    with pytest.raises(ValueError, match="uint8 N×H×W×3"):
        efficientnet_lite0.features(images)
