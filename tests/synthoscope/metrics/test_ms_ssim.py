import numpy as np
import pytest
import torch
from photographs import degraded
from torch.nn import functional as F
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    structural_similarity_index_measure,
)

from synthoscope.metrics.ms_ssim import WEIGHTS, ms_ssim, scale_weights


def as_torch(images):
    return torch.from_numpy(images.astype(np.float64)).reshape(*images.shape[:3], -1).permute(0, 3, 1, 2)


def by_torchmetrics(a, b):
    """The product over scales of torchmetrics' terms; of the coarsest scale's, where its window lies wholly within."""
    a, b, product = as_torch(a), as_torch(b), 1.0
    weights = scale_weights(a.shape[-1])
    for weight in weights[:-1]:
        _, contrast = structural_similarity_index_measure(
            a, b, data_range=255.0, reduction="none", return_contrast_sensitivity=True
        )
        product = product * contrast**weight
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    _, similarities = structural_similarity_index_measure(
        a, b, data_range=255.0, reduction="none", return_full_image=True
    )
    return product * similarities[..., 5:-5, 5:-5].mean(dim=(1, 2, 3)) ** weights[-1]


@pytest.mark.parametrize(("size", "scales"), [(176, 5), (128, 4), (65, 3), (28, 2)])
@pytest.mark.parametrize("channels", [None, 3])
def test_agrees_with_torchmetrics_scale_by_scale(size, scales, channels):
    a, b = degraded(n=2, size=size, channels=channels, noise=40.0)
    assert len(scale_weights(size)) == scales
    np.testing.assert_allclose(ms_ssim(a, b), by_torchmetrics(a, b), rtol=1e-6)


@pytest.mark.parametrize("noise", [5.0, 40.0])
def test_agrees_with_torchmetrics_as_a_whole(noise):
    # It lets the coarsest scale's window reach beyond the image, where the paper's does not; there is little of that in
    # images that are large.
    a, b = degraded(n=2, size=400, noise=noise)
    theirs = multiscale_structural_similarity_index_measure(
        as_torch(a), as_torch(b), data_range=255.0, betas=WEIGHTS, reduction="none"
    )
    np.testing.assert_allclose(ms_ssim(a, b), theirs, rtol=1e-3)


def test_five_scales_have_the_papers_weights():
    np.testing.assert_allclose(scale_weights(176), WEIGHTS, rtol=2e-4)
    assert scale_weights(4096) == scale_weights(176)
    assert [len(scale_weights(side)) for side in (11, 21, 22, 43, 44, 87, 88, 175)] == [1, 1, 2, 2, 3, 3, 4, 4]


def test_is_one_for_the_same_and_zero_for_the_inverted():
    a, _ = degraded(n=2)
    np.testing.assert_allclose(ms_ssim(a, a), 1.0)
    assert (ms_ssim(a, 255 - a) == 0.0).all()


def test_refuses_small_images():
    with pytest.raises(ValueError, match="at least 11"):
        ms_ssim(np.zeros((1, 10, 10), np.uint8), np.zeros((1, 10, 10), np.uint8))
