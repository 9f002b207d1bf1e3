"""A map laid over the image that it explains, at the image's own resolution.

Colours and opacity both grow with the map, and zero is fully transparent: where a map is zero, pixels stay as they are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthoscope.images.placement import Axis, Placement

OPACITY = 0.65
"""Of the map's full value."""

_INFERNO = np.array(
    [
        (0, 0, 4),
        (11, 7, 36),
        (33, 12, 74),
        (61, 9, 101),
        (87, 16, 110),
        (113, 25, 110),
        (138, 34, 106),
        (163, 44, 97),
        (188, 55, 84),
        (210, 70, 68),
        (228, 90, 49),
        (241, 115, 29),
        (249, 142, 9),
        (252, 172, 17),
        (249, 203, 53),
        (242, 234, 105),
        (252, 255, 164),
    ],
    np.float32,
)
"""Every sixteenth colour of "inferno", uniform to the eye (van der Walt & Smith 2015, CC0)."""

_COLOURS = np.stack(
    [np.interp(np.linspace(0, 1, 256), np.linspace(0, 1, len(_INFERNO)), channel) for channel in _INFERNO.T], axis=1
).astype(np.float32)


@dataclass(frozen=True)
class CellGrid:
    """Where a layer's cells lie: centre of the first one and distance of the next, in pixels of the network's input."""

    start: float
    stride: float


def default_scale(cam: NDArray[np.float32]) -> float:
    """The value that gets the full colour, for a map h×w in units of the logit.

    It is the map's own maximum, but no less than the value that every cell would need for the whole grid to add up to
    one unit of the logit: a map that explains next to nothing looks like nothing, and is not stretched to full colour.
    """
    return max(float(cam.max()), 1.0 / cam.size)


def overlay(
    image: NDArray[np.uint8],
    cam: NDArray[np.float32],
    grid: CellGrid,
    placement: Placement,
    scale: float | None = None,
) -> NDArray[np.uint8]:
    """The image, uint8 H×W (grey) or H×W×3, under its map, float32 h×w, not negative; uint8 H×W×3.

    `placement` says where the network's input lies in the image; what was cropped away stays as it is.
    `scale` is the map's value that gets the full colour (more is cut off); None means `default_scale`. Raises
    ValueError when it is not positive.
    """
    scale = default_scale(cam) if scale is None else scale
    if not scale > 0:
        raise ValueError("the scale must be positive")
    pixels = np.repeat(image[:, :, None], 3, axis=2) if image.ndim == 2 else image
    strength = np.clip(upsample(cam, pixels.shape[0], pixels.shape[1], grid, placement) / scale, 0.0, 1.0)
    ground = pixels.astype(np.float32)
    mixed = ground + (OPACITY * strength)[:, :, None] * (inferno(strength) - ground)
    return np.rint(mixed).astype(np.uint8)


def upsample(
    cam: NDArray[np.float32], height: int, width: int, grid: CellGrid, placement: Placement
) -> NDArray[np.float32]:
    """A map, float32 h×w, at every pixel of the image whose `placement` in the network's input is given.

    Float32 height × width. Bilinear between the cells' centres, constant outside of them, 0 where the network saw
    nothing of the image. Cells are put where they look, not stretched over the image: without padding, a convolution's
    first cell does not lie at the border.
    """
    rows = _weights(height, cam.shape[0], grid, placement.y)
    columns = _weights(width, cam.shape[1], grid, placement.x)
    return np.asarray(rows @ cam @ columns.T, np.float32)


def inferno(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colours of values in [0, 1]: float32 in [0, 255], RGB as the last axis; 256 steps."""
    return _COLOURS[np.rint(values * 255).astype(np.uint8)]


def _weights(pixels: int, cells: int, grid: CellGrid, axis: Axis) -> NDArray[np.float32]:
    """How much each cell counts at each pixel along one axis: float32 pixels × cells, rows adding up to 1.

    Rows of pixels that were cropped away are 0.
    """
    positions = np.arange(pixels, dtype=np.float64)
    at = np.clip((axis.to_output(positions) - grid.start) / grid.stride, 0, cells - 1)
    distance = np.abs(at[:, None] - np.arange(cells)[None, :])
    weights = np.maximum(1.0 - distance, 0.0) * axis.shows(positions)[:, None]
    return weights.astype(np.float32)
