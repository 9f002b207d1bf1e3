import numpy as np
import pytest
import torch
from spots import spots

from synthoscope.classifier.exporting import TOLERANCE, export_classifier
from synthoscope.classifier.networks import build_network
from synthoscope.images.steps.normalization import Normalization
from synthoscope.onnx_models import OnnxModel
from synthoscope.rpc.errors import DataLoss

pytestmark = pytest.mark.usefixtures("one_thread")

IMAGES = spots(6).images


def exported(level=0.0):
    network = build_network("cnn-64", 3, seed=1).eval()
    with torch.no_grad():
        network.output.bias += level
    return export_classifier(network, Normalization(), 0.0, IMAGES)


def test_the_difference_from_torch_is_told(monkeypatch):
    found = exported()
    assert 0 <= found.difference <= TOLERANCE
    logits, _ = OnnxModel(found.data)(IMAGES)
    assert logits.shape == (6, 3)
    compute = OnnxModel.__call__
    monkeypatch.setattr(OnnxModel, "__call__", lambda model, rows: tuple(item + 5e-5 for item in compute(model, rows)))
    assert exported().difference == pytest.approx(5e-5, rel=0.1)


@pytest.mark.parametrize(("level", "shift", "names"), [
    (0.0, np.float32([2e-4, 2e-4, 2e-4]), "logits"),
    # Beside logits in the hundreds it is little; a probability moves all the same.
    (200.0, np.float32([0.0, 0.004, 0.0]), "probabilities"),
    (0.0, np.float32([np.nan, 0.0, 0.0]), "logits"),
])  # fmt: skip
def test_other_answers_than_torchs_are_refused(monkeypatch, level, shift, names):
    compute = OnnxModel.__call__
    monkeypatch.setattr(OnnxModel, "__call__", lambda model, rows: moved(*compute(model, rows)))

    def moved(logits, features):
        return logits + shift, features

    with pytest.raises(DataLoss, match=f"the ONNX model's {names} differ"):
        exported(level)
