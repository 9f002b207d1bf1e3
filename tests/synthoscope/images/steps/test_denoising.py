import numpy as np
import pytest

from synthoscope.images.steps.color_conversion import in_three
from synthoscope.images.steps.denoising import estimated_noise, median, non_local_means


def discs(height: int = 128, width: int = 128) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    clean = np.full((height, width), 60.0)
    for row, column, radius, level in ((40, 40, 25, 120), (80, 90, 30, 180), (95, 30, 12, 30)):
        clean[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = level
    return clean


def noisy(clean: np.ndarray, noise: float, seed: int = 0) -> np.ndarray:
    return (clean + np.random.default_rng(seed).normal(0, noise, clean.shape)).round().clip(0, 255).astype(np.uint8)


def error(pixels: np.ndarray, clean: np.ndarray) -> float:
    """Root mean square, grey levels."""
    return float(np.sqrt(np.mean((pixels[:, :, 0] - clean) ** 2)))


@pytest.mark.parametrize("noise", [5.0, 10.0, 20.0])
@pytest.mark.parametrize("given", [True, False])
def test_non_local_means_removes_most_noise_and_keeps_edges(noise: float, given: bool) -> None:
    clean = discs()
    pixels = in_three(noisy(clean, noise))
    after = non_local_means(pixels, 3, noise if given else 0.0)
    assert error(after, clean) < 0.55 * error(pixels, clean)
    across = after[35:46, :, 0].mean(axis=0)  # the disc of 120 on 60 begins at column 15
    assert across[17:22].mean() - across[8:13].mean() == pytest.approx(60, abs=6)


def test_colours_are_denoised_together() -> None:
    clean = discs()
    pixels = np.stack([noisy(clean, 10, seed) for seed in range(3)], axis=2)
    assert error(non_local_means(pixels, 3, 10), clean) < 0.5 * error(pixels, clean)


def test_a_picture_without_noise_stays_as_it_is() -> None:
    ramp = in_three(np.tile(np.arange(0, 200, 2, dtype=np.uint8), (50, 1)))
    assert np.array_equal(non_local_means(ramp, 3, 0.0), ramp)


@pytest.mark.parametrize("noise", [3.0, 10.0, 25.0])
def test_noise_is_estimated(noise: float) -> None:
    assert estimated_noise(noisy(np.full((200, 200), 128.0), noise)) == pytest.approx(noise, rel=0.05)
    assert estimated_noise(noisy(discs(256, 256), noise)) == pytest.approx(noise, rel=0.35)
    assert estimated_noise(np.zeros((2, 300), np.uint8)) == 0


def test_the_median_removes_single_pixels_and_keeps_edges() -> None:
    clean = discs().astype(np.uint8)
    pixels = clean.copy()
    flat = np.random.default_rng(0).permutation(pixels.size)[:300]
    pixels.ravel()[flat] = 255
    assert error(median(in_three(pixels), 3), clean) < 0.2 * error(in_three(pixels), clean)
    step = in_three(np.where(np.arange(40) < 20, 0, 200).astype(np.uint8)[None, :].repeat(40, axis=0))
    assert np.array_equal(median(step, 15), step)
