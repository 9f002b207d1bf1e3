import sys
import urllib.error

import numpy as np
import pytest
import torch

from synthoscope.metrics import inception
from synthoscope.metrics.inception import InceptionV3, inception_v3
from synthoscope.rpc.errors import DataLoss, FailedPrecondition


def test_without_torch_fidelity_it_says_what_to_install(monkeypatch):
    inception_v3.cache_clear()
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)  # as if it were not installed
    with pytest.raises(FailedPrecondition, match=r"pip install 'synthoscope\[inception\]'"):
        inception_v3()


def test_weights_that_cannot_be_had_are_named_and_where_they_belong(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(FailedPrecondition, match=f"put http://127.0.0.1:9/weights.pth into {tmp_path}"):
        inception._fetch("http://127.0.0.1:9/weights.pth")  # a port where nothing listens
    assert issubclass(urllib.error.URLError, OSError)


def test_damaged_weights_are_a_loss_of_data(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "weights.pth").write_bytes(b"not weights at all")
    with pytest.raises(DataLoss, match="damaged"):
        inception._fetch("http://127.0.0.1:9/weights.pth")


def test_the_network_sees_uint8_with_channels_first_in_batches():
    shapes = []

    def network(pixels):
        assert pixels.dtype == torch.uint8
        shapes.append(tuple(pixels.shape))
        return (pixels.float().mean(dim=(2, 3)),)

    random = np.random.default_rng(0)
    extractor = InceptionV3(network, np.eye(3, dtype=np.float32), dimensions=3)
    images = random.integers(0, 256, size=(20, 8, 9, 3), dtype=np.uint8)
    features = extractor.features(images)
    assert shapes == [(16, 3, 8, 9), (4, 3, 8, 9)]
    np.testing.assert_allclose(features, images.mean(axis=(1, 2)), rtol=1e-5)
    np.testing.assert_allclose(extractor.probabilities(features).sum(axis=1), 1.0, rtol=1e-5)
