import numpy as np
import pytest

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
    assert errors == sorted(errors)
    assert errors[0] > 0


def test_a_change_repeats_with_its_seed():
    images = phantoms()
    assert np.array_equal(perturb(images, "noise", 3, seed=1), perturb(images, "noise", 3, seed=1))
    assert not np.array_equal(perturb(images, "noise", 3, seed=1), perturb(images, "noise", 3, seed=2))


def test_what_is_no_change_is_an_error():
    with pytest.raises(KeyError):
        perturb(phantoms(1), "fog", 1)
    with pytest.raises(IndexError):
        perturb(phantoms(1), "blur", 6)
