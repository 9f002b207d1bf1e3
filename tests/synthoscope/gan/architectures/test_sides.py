import pytest

from synthoscope.gan.architectures.sides import sides, widths
from synthoscope.gan.presets import FLEXIBLE_SIZES


def test_sides_double_from_a_small_base():
    assert sides(28) == (7, 14, 28)
    assert sides(64) == (4, 8, 16, 32, 64)
    assert sides(512) == (4, 8, 16, 32, 64, 128, 256, 512)


@pytest.mark.parametrize("size", FLEXIBLE_SIZES)
def test_every_flexible_size_is_reached(size):
    found = sides(size)
    assert found[-1] == size
    assert 4 <= found[0] <= 7


def test_widths_double_with_each_halving_up_to_eight_times():
    assert widths(64, 32) == (256, 256, 128, 64, 32)
    assert widths(28, 10) == (40, 20, 10)
    assert (FLEXIBLE_SIZES[0], FLEXIBLE_SIZES[-1]) == (28, 512)
