import numpy as np
import pytest

from synthoscope.metrics.symmetries import MIRROR, SYMMETRIES

IMAGES = np.random.default_rng(0).integers(0, 256, size=(2, 5, 5, 3), dtype=np.uint8)


def test_are_the_eight_of_a_square():
    views = {SYMMETRIES[name](IMAGES).tobytes() for name in SYMMETRIES}
    turns = [np.rot90(flipped, count, axes=(1, 2)) for flipped in (IMAGES, IMAGES[:, ::-1]) for count in range(4)]
    assert views == {turn.tobytes() for turn in turns}
    assert len(views) == 8


@pytest.mark.parametrize(
    ("name", "turned"),
    [
        ("mirrored", np.flip(IMAGES, axis=2)),
        ("upside down", np.flip(IMAGES, axis=1)),
        ("quarter turn", np.rot90(IMAGES, -1, axes=(1, 2))),
        ("quarter turn back", np.rot90(IMAGES, 1, axes=(1, 2))),
    ],
)
def test_are_what_they_are_called(name, turned):
    np.testing.assert_array_equal(SYMMETRIES[name](IMAGES), turned)


def test_the_mirror_is_among_them():
    assert set(MIRROR) <= set(SYMMETRIES)
