import numpy as np
import pytest

from synthoscope.metrics.image_sets import grey, image_pairs, with_channels


def test_grey_images_get_a_channel():
    assert with_channels(np.zeros((2, 5, 7), np.uint8)).shape == (2, 5, 7, 1)
    assert with_channels(np.zeros((2, 5, 7, 3), np.uint8)).shape == (2, 5, 7, 3)


def test_pairs_come_a_few_at_a_time_and_all():
    images = np.random.default_rng(0).integers(0, 256, size=(37, 200, 300), dtype=np.uint8)
    parts = list(image_pairs(images, images))
    assert len(parts) > 1
    np.testing.assert_array_equal(np.concatenate([a for _, a, _ in parts])[..., 0], images)
    assert all(a.dtype == np.float64 and a.nbytes <= 16 << 20 for _, a, _ in parts)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.zeros((2, 5, 5)), np.zeros((2, 5, 5))),
        (np.zeros((5, 5), np.uint8), np.zeros((5, 5), np.uint8)),
        (np.zeros((2, 5, 5), np.uint8), np.zeros((3, 5, 5), np.uint8)),
        (np.zeros((2, 5, 5), np.uint8), np.zeros((2, 5, 5, 3), np.uint8)),
    ],
)
def test_refuses_what_are_no_pairs_of_images(a, b):
    with pytest.raises(ValueError, match="images must be"):
        list(image_pairs(a, b))


@pytest.mark.parametrize("shape", [(30, 200, 300, 3), (3, 5, 7, 3), (3, 5, 7), (0, 5, 7, 3)])
def test_grey_is_the_mean_of_the_channels(shape):
    images = np.random.default_rng(0).integers(0, 256, size=shape, dtype=np.uint8)
    found = grey(images)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, np.rint(with_channels(images).mean(axis=3)))
