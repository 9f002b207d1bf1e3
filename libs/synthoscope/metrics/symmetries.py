"""The eight ways to lay a square on itself: a copy that was mirrored or turned is a copy."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

SYMMETRIES: Mapping[str, Callable[[Pixels], Pixels]] = {
    "as it is": lambda images: images,
    "mirrored": lambda images: images[:, :, ::-1],
    "upside down": lambda images: images[:, ::-1],
    "half turn": lambda images: images[:, ::-1, ::-1],
    "transposed": lambda images: images.swapaxes(1, 2),
    "quarter turn": lambda images: images.swapaxes(1, 2)[:, :, ::-1],
    "quarter turn back": lambda images: images.swapaxes(1, 2)[:, ::-1],
    "transposed, half turn": lambda images: images.swapaxes(1, 2)[:, ::-1, ::-1],
}
"""By name, functions of images N×H×W[×C]; the last four take height for width."""

MIRROR: Sequence[str] = ("as it is", "mirrored")
"""What every audit of copies looks at: flipping sideways is what training does to images most often."""
