import io

import numpy as np
import pytest
from PIL import Image

from synthoscope.datasets.phantoms import LABELS, generate
from synthoscope.images.perturbations import CHANGES, perturb


def phantoms(count: int = 4) -> np.ndarray:
    grey = [generate(LABELS[index % len(LABELS)], seed=index, size=64).image for index in range(count)]
    return np.stack(grey)[..., None].repeat(3, axis=3)


@pytest.mark.parametrize("change", CHANGES)
def test_stronger_changes_change_more(change):
    images = phantoms()
    errors = []
    for strength in range(1, 6):
        changed = perturb(images, change, strength)
        assert (changed.shape, changed.dtype) == (images.shape, np.uint8)
        assert np.array_equal(changed[..., 0], changed[..., 1]), "grey stays grey"
        errors.append(np.abs(changed.astype(float) - images).mean())
    assert errors[0] > 0
    assert (np.diff(errors) > 0).all()


@pytest.mark.parametrize("change", CHANGES)
def test_the_images_given_stay_as_they_are(change):
    images = phantoms(1)
    before = images.copy()
    perturb(images, change, 5)
    assert np.array_equal(images, before)


def test_brightness_and_contrast_are_what_their_factors_say():
    images = np.array([100, 140], np.uint8).reshape(1, 1, 2, 1).repeat(3, axis=3)
    assert perturb(images, "brightness", 4)[0, 0, :, 0].tolist() == [150, 210]
    assert perturb(images, "contrast", 2)[0, 0, :, 0].tolist() == [105, 135]  # 120 ∓ 0.75 · 20
    assert perturb(images * 2, "brightness", 5).max() == 255


def test_jpeg_keeps_red_and_blue_where_they_are():
    images = np.zeros((1, 64, 64, 3), np.uint8)
    images[0, 8:40, 8:40, 0] = 255
    images[0, 30:60, 20:50, 2] = 200
    file = io.BytesIO()
    Image.fromarray(images[0]).save(file, "JPEG", quality=20)  # another encoder
    expected = np.asarray(Image.open(file)).astype(float)
    assert np.abs(perturb(images, "jpeg", 3)[0] - expected).mean() < 2


def test_no_images_stay_none():
    assert perturb(phantoms(1)[:0], "noise", 1).shape == (0, 64, 64, 3)


def test_a_change_repeats_with_its_seed():
    images = phantoms()
    assert np.array_equal(perturb(images, "noise", 3, seed=1), perturb(images, "noise", 3, seed=1))
    assert not np.array_equal(perturb(images, "noise", 3, seed=1), perturb(images, "noise", 3, seed=2))


def test_what_is_no_change_is_an_error():
    with pytest.raises(KeyError):
        perturb(phantoms(1), "fog", 1)
    for strength in (-1, 0, 6):
        with pytest.raises(ValueError, match="strength"):
            perturb(phantoms(1), "blur", strength)
