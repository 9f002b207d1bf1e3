"""A place in the network's square is the right place of the original, whatever crop, resize and padding did."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from synthoscope.images.placement import Placement
from synthoscope.images.preprocessing import Pipeline
from synthoscope.images.steps.color_conversion import in_three
from synthoscope.images.steps.margin_removal import MarginRemoval
from synthoscope.images.steps.resizing import Resizing
from synthoscope.saliency.overlay import CellGrid, upsample

TISSUE, DOT = 90, 255


@st.composite
def framed_pictures(draw: st.DrawFn) -> tuple[np.ndarray, float, float]:
    """Grey tissue in a dark margin, with a bright square dot inside; and the dot's centre (x, y)."""
    height, width = draw(st.integers(60, 260)), draw(st.integers(60, 260))
    left, top = draw(st.integers(0, width // 3)), draw(st.integers(0, height // 3))
    right, bottom = draw(st.integers(2 * width // 3, width)), draw(st.integers(2 * height // 3, height))
    values = np.full((height, width), 5, np.uint8)
    values[top:bottom, left:right] = TISSUE
    side = draw(st.integers(6, 9))
    x, y = draw(st.integers(left + 3, right - side - 3)), draw(st.integers(top + 3, bottom - side - 3))
    values[y : y + side, x : x + side] = DOT
    return in_three(values), x + (side - 1) / 2, y + (side - 1) / 2


def centre(pixels: np.ndarray) -> np.ndarray:
    """Where the dot is: mean place (x, y) of what is brighter than tissue, by how much it is. 1×2."""
    weights = (pixels[:, :, 0].astype(float) - TISSUE).clip(0)
    rows, columns = np.mgrid[: weights.shape[0], : weights.shape[1]]
    return np.array([[(columns * weights).sum(), (rows * weights).sum()]]) / weights.sum()


@settings(deadline=None, max_examples=60)
@given(framed_pictures(), st.booleans(), st.booleans(), st.integers(64, 160))
def test_a_planted_dot_is_found_within_a_pixel(
    framed: tuple[np.ndarray, float, float], crop: bool, pad: bool, size: int
) -> None:
    pixels, x, y = framed
    steps = (MarginRemoval(),) if crop else ()
    seen = Pipeline(steps, Resizing(pad)).sized(size).apply(pixels)
    ((found_x, found_y),) = seen.placement.to_original(centre(seen.pixels))
    assert abs(found_x - x) < 1
    assert abs(found_y - y) < 1


@settings(deadline=None, max_examples=40)
@given(framed_pictures(), st.booleans(), st.integers(4, 11), st.integers(4, 11))
def test_a_heatmaps_peak_lies_where_its_cell_looked(
    framed: tuple[np.ndarray, float, float], pad: bool, row: int, column: int
) -> None:
    pixels, _, _ = framed
    height, width = pixels.shape[:2]
    placement = Pipeline((MarginRemoval(),), Resizing(pad)).sized(64).apply(pixels).placement
    cam = np.zeros((12, 12), np.float32)
    cam[row, column] = 1
    grid = CellGrid(8.5, 4.0)
    ((x, y),) = placement.to_original(np.array([[8.5 + 4 * column, 8.5 + 4 * row]]))
    strength = upsample(cam, height, width, grid, placement)
    shown = placement.x.shows(np.array([x])).all() and placement.y.shows(np.array([y])).all()
    assume(shown)
    peak_y, peak_x = np.unravel_index(strength.argmax(), strength.shape)
    assert abs(peak_x - x) <= 1
    assert abs(peak_y - y) <= 1


def test_what_was_cropped_away_stays_uncoloured() -> None:
    placement = Placement.whole(100, 100).cropped(20, 30, 80, 90).resized((60, 60), (64, 64))
    strength = upsample(np.ones((12, 12), np.float32), 100, 100, CellGrid(8.5, 4.0), placement)
    assert np.allclose(strength[30:90, 20:80], 1)
    outside = np.ones((100, 100), bool)
    outside[30:90, 20:80] = False
    assert not strength[outside].any()
