import numpy as np

from synthoscope.datasets.erasing import erase_lesion
from synthoscope.datasets.fields import grow
from synthoscope.datasets.phantoms import generate


def disc(size: int, radius: float) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - size / 2
    return np.hypot(x, y) < radius


def test_only_the_masked_pixels_change() -> None:
    phantom = generate("glioma", 3, 96)
    erased = erase_lesion(phantom.image, phantom.mask)
    assert erased.dtype == np.uint8
    assert np.array_equal(erased[~phantom.mask], phantom.image[~phantom.mask])
    assert not np.array_equal(erased, phantom.image)
    assert np.array_equal(erased, erase_lesion(phantom.image, phantom.mask))


def test_nothing_masked_is_nothing_changed() -> None:
    phantom = generate("notumor", 3, 64)
    assert np.array_equal(erase_lesion(phantom.image, phantom.mask), phantom.image)


def test_a_slope_is_filled_in() -> None:
    slope = np.tile(np.linspace(20, 220, 64), (64, 1))
    mask = disc(64, 12)
    image = np.where(mask, 255, slope).astype(np.uint8)
    assert np.abs(erase_lesion(image, mask).astype(float) - slope)[mask].max() < 8


def test_the_fill_has_the_grain_of_its_surroundings() -> None:
    noise = np.random.default_rng(0).normal(0, 12, (64, 64))
    mask = disc(64, 12)
    image = np.where(mask, 250, 100 + noise).astype(np.uint8)
    filled = erase_lesion(image, mask)[mask].astype(float)
    assert 85 < filled.mean() < 115
    assert 8 < filled.std() < 18


def test_lesions_no_longer_stand_out() -> None:
    before, after = [], []
    for seed in range(30):
        phantom = generate("meningioma", seed)
        around = grow(phantom.mask, 5) & ~phantom.mask
        erased = erase_lesion(phantom.image, phantom.mask)
        before.append(phantom.image[phantom.mask].mean() - phantom.image[around].mean())
        after.append(abs(erased[phantom.mask].mean() - phantom.image[around].mean()))
    assert np.mean(before) > 25
    assert np.mean(after) < 12
