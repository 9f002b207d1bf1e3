import numpy as np

from synthoscope.images.steps.color_conversion import in_three, is_grey
from synthoscope.images.steps.contrast_adjustment import equalized, stretched


def grey(values: np.ndarray) -> np.ndarray:
    return in_three(values.astype(np.uint8))


def test_the_percentiles_become_black_and_white() -> None:
    values = np.tile(np.arange(50, 150), (10, 1))
    whole = stretched(grey(values), 0, 100)[:, :, 0]
    assert (whole.min(), whole.max()) == (0, 255)
    assert np.array_equal(whole[0], np.rint((np.arange(100)) * 255 / 99))
    cut = stretched(grey(values), 10, 90)[0, :, 0]
    assert (cut[:10] == 0).all()
    assert (cut[90:] == 255).all()
    assert (np.diff(cut[9:90].astype(int)) > 0).all()


def test_outliers_do_not_set_the_scale() -> None:
    values = np.tile(np.arange(100, 120), (20, 10))
    values[0, 0], values[1, 1] = 0, 255
    assert np.ptp(stretched(grey(values), 0, 100)[2:].astype(int)) == 19
    assert np.ptp(stretched(grey(values), 1, 99)[2:].astype(int)) == 255


def test_a_flat_picture_stays_flat() -> None:
    flat = grey(np.full((4, 4), 77))
    assert np.array_equal(stretched(flat, 0, 100), flat)
    assert np.ptp(equalized(flat, 2, 8)) == 0


def test_colours_get_the_same_change() -> None:
    pixels = np.random.default_rng(0).integers(50, 100, (40, 40, 3), dtype=np.uint8)
    after = stretched(pixels, 0, 100)
    for level in range(50, 100):
        assert len(np.unique(after[pixels == level])) <= 1


def test_local_contrast_grows_where_there_is_little() -> None:
    generator = np.random.default_rng(0)
    left = np.tile(20 + generator.integers(0, 8, (64, 32)), 1)
    right = np.tile(200 + generator.integers(0, 8, (64, 32)), 1)
    before = grey(np.concatenate([left, right], axis=1))
    after = equalized(before, 4, 4)
    assert is_grey(after)
    assert after[:, :24].std() > 2 * before[:, :24].std()
    assert after[:, 40:].std() > 2 * before[:, 40:].std()
    assert equalized(before, 1, 4)[:, :24].std() < after[:, :24].std()


def test_colour_differences_are_kept() -> None:
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[:, :, 0] = np.random.default_rng(0).integers(100, 140, (32, 32))
    pixels[:, :, 2] = pixels[:, :, 0] - 40
    after = equalized(pixels, 2, 2).astype(int)
    assert not is_grey(after.astype(np.uint8))
    assert (after[:, :, 0] >= after[:, :, 2]).mean() > 0.99


def test_pictures_smaller_than_the_tiles() -> None:
    for shape in ((1, 1), (1, 7), (3, 2)):
        assert equalized(grey(np.full(shape, 9)), 2, 8).shape == (*shape, 3)
