import numpy as np
import pytest

from synthoscope.images.placement import Placement
from synthoscope.saliency.overlay import OPACITY, CellGrid, default_scale, inferno, overlay, upsample

GRID = CellGrid(start=8.5, stride=4.0)


def squeezed(height: int, width: int, _channels: int = 3) -> Placement:
    return Placement.whole(height, width).resized((height, width), (64, 64))


def one_cell(row: int, column: int, value: float = 1.0) -> np.ndarray:
    cam = np.zeros((12, 12), np.float32)
    cam[row, column] = value
    return cam


def some_image(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


@pytest.mark.parametrize("shape", [(64, 64, 3), (300, 200, 3), (5, 7, 3)])
def test_a_map_of_zeros_leaves_pixels_untouched(shape):
    image = some_image(*shape)
    assert np.array_equal(overlay(image, np.zeros((12, 12), np.float32), GRID, squeezed(*image.shape)), image)


def test_where_the_map_is_zero_pixels_stay_as_they_are():
    image = some_image(128, 128, 3)
    result = overlay(image, one_cell(6, 6), GRID, squeezed(*image.shape))
    untouched = upsample(one_cell(6, 6), 128, 128, GRID, squeezed(128, 128)) == 0
    assert 0.9 < untouched.mean() < 1
    assert np.array_equal(result[untouched], image[untouched])
    assert not np.array_equal(result, image)


def test_a_grey_image_is_treated_as_rgb_of_equal_channels():
    grey = some_image(40, 50)
    cam = one_cell(3, 8)
    result = overlay(grey, cam, GRID, squeezed(*grey.shape))
    assert result.shape == (40, 50, 3)
    assert result.dtype == np.uint8
    assert np.array_equal(result, overlay(np.stack([grey] * 3, axis=2), cam, GRID, squeezed(40, 50)))


def test_cells_lie_where_they_look():
    for size in (64, 640):
        strength = upsample(one_cell(2, 9), size, size, GRID, squeezed(size, size))
        row, column = np.unravel_index(strength.argmax(), strength.shape)
        assert (row + 0.5) * 64 / size - 0.5 == pytest.approx(8.5 + 2 * 4, abs=0.6)
        assert (column + 0.5) * 64 / size - 0.5 == pytest.approx(8.5 + 9 * 4, abs=0.6)


def test_an_image_that_is_not_square_is_squeezed_the_other_way():
    strength = upsample(one_cell(6, 6), 320, 64, GRID, squeezed(320, 64))
    row, column = np.unravel_index(strength.argmax(), strength.shape)
    assert row == pytest.approx((8.5 + 24 + 0.5) * 5 - 0.5, abs=1)
    assert column in (32, 33)


def test_a_constant_map_stays_constant_to_the_border():
    assert np.allclose(upsample(np.full((12, 12), 0.3, np.float32), 100, 70, GRID, squeezed(100, 70)), 0.3, atol=1e-6)


def test_the_scale_is_absolute():
    image = np.zeros((64, 64, 3), np.uint8)
    cam = np.full((12, 12), 0.5, np.float32)
    full = overlay(image, cam, GRID, squeezed(*image.shape), scale=0.5)
    assert np.array_equal(full, overlay(image, cam * 9, GRID, squeezed(*image.shape), scale=0.5))
    assert np.array_equal(full, overlay(image, cam * 2, GRID, squeezed(*image.shape), scale=1.0))
    assert np.array_equal(full[0, 0], np.rint(OPACITY * inferno(np.float32([1.0]))[0]))
    assert overlay(image, cam, GRID, squeezed(*image.shape), scale=5.0).sum() < full.sum()
    with pytest.raises(ValueError, match="positive"):
        overlay(image, cam, GRID, squeezed(*image.shape), scale=0.0)


def test_a_map_that_explains_next_to_nothing_stays_faint():
    assert default_scale(one_cell(0, 0, 0.2)) == pytest.approx(0.2)
    assert default_scale(np.full((12, 12), 1e-4, np.float32)) == pytest.approx(1 / 144)
    image = np.full((64, 64, 3), 100, np.uint8)
    faint = overlay(image, np.full((12, 12), 1e-5, np.float32), GRID, squeezed(*image.shape))
    assert np.abs(faint.astype(int) - 100).max() <= 1


def test_colours_are_those_of_inferno():
    matplotlib = pytest.importorskip("matplotlib", reason="only the local stack has matplotlib")
    values = np.linspace(0, 1, 101).astype(np.float32)
    theirs = matplotlib.colormaps["inferno"](values)[:, :3] * 255
    assert np.abs(inferno(values) - theirs).max() < 8
    assert (np.diff(inferno(values) @ [0.2126, 0.7152, 0.0722]) > -0.6).all()
