import numpy as np
import pytest
import scipy.fft

from synthoscope.datasets.audit.symmetries import SYMMETRIES, inverse

PIXELS = np.random.default_rng(0).integers(0, 256, (9, 9)).astype(np.uint8)
EXPECTED = {
    "none": PIXELS,
    "mirror": np.fliplr(PIXELS),
    "flip": np.flipud(PIXELS),
    "turn-90": np.rot90(PIXELS),
    "turn-180": np.rot90(PIXELS, 2),
    "turn-270": np.rot90(PIXELS, 3),
    "transpose": PIXELS.T,
    "transverse": np.rot90(PIXELS, 2).T,
}


@pytest.mark.parametrize("transform", SYMMETRIES)
def test_names_mean_what_the_contract_says(transform: str) -> None:
    assert np.array_equal(SYMMETRIES[transform].of_pixels(PIXELS), EXPECTED[transform])


@pytest.mark.parametrize("transform", SYMMETRIES)
def test_coefficients_turn_as_the_pixels_do(transform: str) -> None:
    symmetry = SYMMETRIES[transform]
    turned = symmetry.of_coefficients(scipy.fft.dctn(PIXELS.astype(np.float32), norm="ortho"))
    assert np.allclose(turned, scipy.fft.dctn(EXPECTED[transform].astype(np.float32), norm="ortho"), atol=1e-2)


@pytest.mark.parametrize("transform", SYMMETRIES)
def test_the_inverse_undoes(transform: str) -> None:
    back = SYMMETRIES[inverse(transform)].of_pixels(SYMMETRIES[transform].of_pixels(PIXELS))
    assert np.array_equal(back, PIXELS)
