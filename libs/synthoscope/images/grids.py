"""Several images in one."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def grid(images: Sequence[NDArray[np.uint8]] | NDArray[np.uint8], columns: int, gap: int = 2) -> NDArray[np.uint8]:
    """Images of one shape (uint8, height × width or height × width × 3) side by side, row after row, black in between.

    Raises ValueError when there are no images or their shapes differ.
    """
    if len(images) == 0 or columns < 1:
        raise ValueError("a grid needs at least one image and one column")
    stack = np.stack(list(images))
    rows, columns = -(-len(stack) // columns), min(columns, len(stack))
    height, width = stack.shape[1:3]
    sheet = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, *stack.shape[3:]), np.uint8)
    for index, image in enumerate(stack):
        row, column = divmod(index, columns)
        top, left = row * (height + gap), column * (width + gap)
        sheet[top : top + height, left : left + width] = image
    return sheet
