import numpy as np
import pytest
from PIL import Image, ImageDraw

from synthoscope.images.placement import Picture
from synthoscope.images.steps.color_conversion import in_three
from synthoscope.images.steps.margin_removal import Box, MarginRemoval, content

HEIGHT, WIDTH = 200, 300
HEAD = Box(left=90, top=40, right=210, bottom=170)


def head(background: int = 0, tissue: int = 110) -> np.ndarray:
    """An ellipse that fills HEAD, with some structure in it."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    x = (columns - (HEAD.left + HEAD.right) / 2) / ((HEAD.right - HEAD.left) / 2)
    y = (rows - (HEAD.top + HEAD.bottom) / 2) / ((HEAD.bottom - HEAD.top) / 2)
    inside = x**2 + y**2 <= 1
    texture = tissue + 25 * np.sin(rows / 7) * np.cos(columns / 9)
    return np.where(inside, texture, background)


def found(values: np.ndarray, threshold: int = 20, smallest_region: float = 0.01) -> Box:
    return content(in_three(values.round().clip(0, 255).astype(np.uint8)), threshold, smallest_region)


def near(box: Box, expected: Box, pixels: int) -> bool:
    return all(
        abs(getattr(box, side) - getattr(expected, side)) <= pixels for side in ("left", "top", "right", "bottom")
    )


@pytest.mark.parametrize(("background", "tissue"), [(0, 110), (30, 110), (255, 110), (230, 60)])
def test_dark_and_white_margins_are_cut(background: int, tissue: int) -> None:
    assert near(found(head(background, tissue)), HEAD, 3)


@pytest.mark.parametrize("background", [12, 240])
@pytest.mark.parametrize("noise", [4.0, 12.0])
def test_noise_is_no_content(background: int, noise: float) -> None:
    generator = np.random.default_rng(0)
    assert near(found(head(background) + generator.normal(0, noise, (HEIGHT, WIDTH))), HEAD, 4)


def test_bright_pixels_are_no_content() -> None:
    values = head()
    values.ravel()[np.random.default_rng(1).permutation(values.size)[:600]] = 255
    assert near(found(values), HEAD, 4)


@pytest.mark.parametrize("background", [0, 255])
def test_watermarks_and_thin_lines_are_no_content(background: int) -> None:
    image = Image.fromarray(head(background).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    draw.text((5, 5), "R  Radiology 12", fill=255 - background)
    draw.text((220, 185), "(c) example.org", fill=128)
    draw.line([(3, 30), (3, 190)], fill=200, width=2)
    draw.rectangle([8, 20, 291, 180], outline=128, width=1)
    assert near(found(np.asarray(image)), HEAD, 3)


@pytest.mark.parametrize("frame", [2, 15])
def test_margins_within_margins(frame: int) -> None:
    framed = np.pad(head(), frame, constant_values=255)
    expected = Box(HEAD.left + frame, HEAD.top + frame, HEAD.right + frame, HEAD.bottom + frame)
    assert near(found(framed), expected, 3)


def test_a_picture_without_margins_stays_whole() -> None:
    whole = Box(0, 0, WIDTH, HEIGHT)
    generator = np.random.default_rng(0)
    assert found(generator.normal(120, 30, (HEIGHT, WIDTH))) == whole
    assert found(np.full((HEIGHT, WIDTH), 128.0)) == whole
    assert found(np.zeros((HEIGHT, WIDTH))) == whole
    assert found(np.full((HEIGHT, WIDTH), 255.0)) == whole


def test_what_is_too_small_for_content_leaves_the_picture_whole() -> None:
    values = np.zeros((HEIGHT, WIDTH))
    values[100:110, 100:110] = 255
    assert found(values) == Box(0, 0, WIDTH, HEIGHT)
    assert near(found(values, smallest_region=0.001), Box(100, 100, 110, 110), 2)


def test_the_threshold_is_the_difference_from_the_background() -> None:
    values = np.full((HEIGHT, WIDTH), 40.0)
    values[50:150, 50:150] = 60
    assert found(values, threshold=20) == Box(50, 50, 150, 150)
    assert found(values, threshold=21) == Box(0, 0, WIDTH, HEIGHT)


def test_the_crop_is_placed() -> None:
    pixels = in_three(head().astype(np.uint8))
    picture = MarginRemoval().apply(Picture.original(pixels))
    height, width = picture.pixels.shape[:2]
    left, top = picture.placement.to_original(np.zeros((1, 2)))[0].astype(int)
    assert np.array_equal(picture.pixels, pixels[top : top + height, left : left + width])
    assert picture.pixels.flags.c_contiguous


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 3)])
def test_tiny_pictures(shape: tuple[int, int]) -> None:
    assert found(np.zeros(shape)) == Box(0, 0, shape[1], shape[0])
