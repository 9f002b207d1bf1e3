import numpy as np
import pytest

from synthoscope.images.grids import grid


def test_images_are_laid_row_after_row() -> None:
    images = [np.full((2, 3, 3), value, np.uint8) for value in (10, 20, 30)]
    sheet = grid(images, columns=2, gap=1)
    assert sheet.shape == (5, 7, 3)
    assert sheet[0, 0, 0] == 10
    assert sheet[0, 4, 0] == 20
    assert sheet[3, 0, 0] == 30
    assert sheet[3:, 4:].max() == 0
    assert sheet[2].max() == 0


def test_grey_images_and_arrays_are_taken_too() -> None:
    assert grid(np.zeros((25, 4, 4), np.uint8), columns=5).shape == (28, 28)
    assert grid(np.zeros((2, 4, 4), np.uint8), columns=5).shape == (4, 10)


def test_no_images_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        grid([], columns=5)
