import numpy as np
import pytest

from synthoscope.images.strangers import KINDS, strangers


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [16, 64, 130])
def test_every_kind_is_drawn_at_every_size_and_repeats_with_its_seed(kind, size):
    drawn = strangers(kind, 4, size, seed=3)
    assert (drawn.shape, drawn.dtype) == ((4, size, size, 3), np.uint8)
    assert np.array_equal(drawn[:2], strangers(kind, 2, size, seed=3))
    assert not np.array_equal(drawn, strangers(kind, 4, size, seed=4))


@pytest.mark.parametrize("kind", KINDS)
def test_half_of_each_kind_is_grey(kind):
    drawn = strangers(kind, 10, 32)
    assert all((image == image[:, :, :1]).all() for image in drawn[1::2])


def test_what_is_no_kind_is_an_error():
    with pytest.raises(KeyError):
        strangers("cats", 1, 32)
