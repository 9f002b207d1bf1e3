import numpy as np
import pytest

from synthoscope.metrics.labelled_images import LabelledImages, features_of


class Corner:
    """The four corners of the first channel: cheap, and not the same when mirrored."""

    name, dimensions = "corners", 4

    def features(self, images):
        assert images.shape[3] == 3
        return images[:, [0, 0, -1, -1], [0, -1, 0, -1], 0].astype(np.float32)


def images(n, channels=None):
    shape = (n, 16, 16) if channels is None else (n, 16, 16, channels)
    return np.random.default_rng(0).integers(0, 256, size=shape, dtype=np.uint8)


@pytest.mark.parametrize("channels", [None, 1, 3])
def test_features_are_of_every_image_in_colour(channels):
    pictures, seen = images(300, channels), []
    found = features_of(pictures, Corner(), "mirrored", seen.append)
    first = pictures.reshape(300, 16, 16, -1)[..., 0]
    np.testing.assert_array_equal(found[:, 0], first[:, 0, -1])
    assert sum(seen) == 300
    assert len(seen) > 1


def test_rows_are_by_class():
    found = LabelledImages(images(4), ["b", "a", "b", "c"])
    assert {label: rows.tolist() for label, rows in found.rows.items()} == {"a": [1], "b": [0, 2], "c": [3]}
    assert found.counts() == {"a": 1, "b": 2, "c": 1}


def test_grey_is_the_mean_of_the_channels():
    pictures = images(3, 3)
    np.testing.assert_array_equal(LabelledImages(pictures, "abc").grey, np.rint(pictures.mean(axis=3)))
    np.testing.assert_array_equal(LabelledImages(images(3), "abc").grey, images(3))


@pytest.mark.parametrize(("pictures", "labels"), [(images(3), "ab"), (images(2, 2), "ab"), (images(2)[0], "a" * 16)])
def test_refuses_what_does_not_fit(pictures, labels):
    with pytest.raises(ValueError, match="images must be"):
        LabelledImages(pictures, labels)
