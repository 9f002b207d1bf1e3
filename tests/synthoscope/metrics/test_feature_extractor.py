import numpy as np
import pytest
from scipy.special import softmax as by_scipy

from synthoscope.metrics.feature_extractor import check_colour_images, softmax


def test_softmax_is_scipys_and_does_not_overflow():
    logits = np.random.default_rng(0).normal(0, 200, size=(20, 7)).astype(np.float32)
    np.testing.assert_allclose(softmax(logits), by_scipy(logits, axis=1), atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 8, 8, 1), (8, 8, 3)])
def test_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match="uint8 N×H×W×3"):
        check_colour_images(np.zeros(shape, np.uint8))
