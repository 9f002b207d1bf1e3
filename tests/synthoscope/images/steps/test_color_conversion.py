import numpy as np

from synthoscope.images.placement import Picture
from synthoscope.images.steps.color_conversion import ColorConversion, is_grey, luminance


def test_grey_is_the_luminance_in_three_channels() -> None:
    pixels = np.zeros((1, 4, 3), np.uint8)
    pixels[0, :3] = np.eye(3) * 255
    pixels[0, 3] = (10, 20, 30)
    grey = ColorConversion(grey=True).apply(Picture.original(pixels)).pixels
    # ITU-R BT.601: 0.299 red, 0.587 green, 0.114 blue.
    assert grey[0].tolist() == [[76] * 3, [150] * 3, [29] * 3, [18] * 3]
    assert is_grey(grey)
    assert not is_grey(pixels)


def test_grey_stays_as_it_is_to_the_bit() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    assert np.array_equal(luminance(ramp)[0], np.arange(256))


def test_colour_is_kept_when_asked_for() -> None:
    picture = Picture.original(np.random.default_rng(0).integers(0, 256, (5, 6, 3), dtype=np.uint8))
    assert ColorConversion(grey=False).apply(picture) is picture
