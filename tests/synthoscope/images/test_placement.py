import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthoscope.images.placement import Picture, Placement
from synthoscope.images.steps.resizing import padded, squeezed

sides = st.integers(1, 2000)


@st.composite
def placements(draw: st.DrawFn) -> Placement:
    """Any sequence of crops, resizings and paddings of a picture of any size."""
    height, width = draw(sides), draw(sides)
    placement = Placement.whole(height, width)
    for _ in range(draw(st.integers(0, 4))):
        match draw(st.sampled_from(("crop", "resize", "pad"))):
            case "crop":
                left, top = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
                right, bottom = draw(st.integers(left + 1, width)), draw(st.integers(top + 1, height))
                placement = placement.cropped(left, top, right, bottom)
                height, width = bottom - top, right - left
            case "resize":
                after = draw(sides), draw(sides)
                placement = placement.resized((height, width), after)
                height, width = after
            case "pad":
                left, top = draw(st.integers(0, 300)), draw(st.integers(0, 300))
                placement = placement.padded(left, top)
                height, width = height + top, width + left
    return placement


@given(placements(), st.lists(st.tuples(st.floats(-10, 2000), st.floats(-10, 2000)), min_size=1, max_size=8))
def test_there_and_back_again(placement: Placement, points: list[tuple[float, float]]) -> None:
    there = placement.to_original(np.array(points))
    assert placement.to_output(there) == pytest.approx(np.array(points), abs=1e-6, rel=1e-9)


def test_nothing_done_is_the_identity() -> None:
    points = np.array([[0.0, 0.0], [19.0, 9.0], [3.25, 7.5]])
    assert np.array_equal(Placement.whole(10, 20).to_original(points), points)


def test_a_crop_shifts_and_a_padding_shifts_back() -> None:
    placement = Placement.whole(100, 200).cropped(30, 10, 130, 60)
    assert placement.to_original(np.array([[0.0, 0.0], [99.0, 49.0]])).tolist() == [[30, 10], [129, 59]]
    assert placement.padded(30, 10).to_original(np.array([[30.0, 10.0]])).tolist() == [[30, 10]]


def test_resizing_maps_edges_to_edges() -> None:
    placement = Placement.whole(100, 200).resized((100, 200), (50, 50))
    # The first of two pixels that become one is centred between them, and so on.
    assert placement.to_original(np.array([[0.0, 0.0], [49.0, 49.0]])).tolist() == [[1.5, 0.5], [197.5, 98.5]]


def test_what_was_cropped_away_is_not_shown_even_where_padding_took_its_place() -> None:
    axis = Placement.whole(1, 100).cropped(40, 0, 60, 1).padded(20, 0).x
    assert np.flatnonzero(axis.shows(np.arange(100.0))).tolist() == list(range(40, 60))


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(8, 128))
def test_a_padded_picture_keeps_its_aspect_ratio_and_its_middle(height: int, width: int, size: int) -> None:
    picture = padded(Picture.original(np.full((height, width, 3), 255, np.uint8)), size)
    assert picture.pixels.shape == (size, size, 3)
    shown = np.argwhere(picture.pixels[:, :, 0] == 255)
    rows, columns = np.ptp(shown, axis=0) + 1
    assert (rows, columns) == (
        max(1, round(height * size / max(height, width))), max(1, round(width * size / max(height, width))),
    )  # fmt: skip
    corners = picture.placement.to_output(np.array([[-0.5, -0.5], [width - 0.5, height - 0.5]]))
    assert corners[0] == pytest.approx(shown.min(axis=0)[::-1] - 0.5)
    assert corners[1] == pytest.approx(shown.max(axis=0)[::-1] + 0.5)


def test_squeezing_and_padding_leave_a_picture_of_the_right_size_alone() -> None:
    picture = Picture.original(np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8))
    assert squeezed(picture, 16) is picture
    assert padded(picture, 16) is picture
