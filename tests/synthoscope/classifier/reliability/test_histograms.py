import numpy as np
import pytest
from scipy.ndimage import laplace

from synthoscope.classifier.reliability.histograms import (
    counts,
    histograms,
    input_statistics,
    population_stability_index,
)


def test_bins_have_about_as_many_images_each():
    (found,) = histograms({"brightness": np.random.default_rng(0).normal(size=1000)})
    assert found.name == "brightness"
    assert (len(found.edges), len(found.counts), sum(found.counts)) == (11, 10, 1000)
    assert min(found.counts) >= 95


def test_values_outside_count_in_the_end_bins():
    (found,) = histograms({"a": np.arange(100.0)})
    assert counts(found, np.array([-50.0, 1000.0])).tolist() == [1, *[0] * 8, 1]


def test_the_index_tells_a_shift_from_chance():
    generator = np.random.default_rng(1)
    (reference,) = histograms({"a": generator.normal(size=2000)})
    before = np.array(reference.counts)
    same, shifted = (counts(reference, generator.normal(mean, 1, 2000)) for mean in (0.0, 1.0))
    assert population_stability_index(before, before) == 0
    assert population_stability_index(before, same) < 0.02
    assert population_stability_index(before, shifted) > 0.25
    assert np.isfinite(population_stability_index(before, np.eye(10, dtype=np.int64)[0]))


@pytest.mark.parametrize("sure", [0.95, 1.0])
def test_a_fall_of_confidences_that_were_nearly_all_1_is_noticed(sure):
    generator = np.random.default_rng(2)
    values = np.where(np.arange(1000) < 1000 * sure, 1.0, generator.random(1000))
    (found,) = histograms({"confidence": values.astype(np.float32)})
    assert list(found.counts) == [round(1000 * (1 - sure)), round(1000 * sure)]
    assert list(found.edges) == sorted(found.edges)
    assert len(found.edges) == len(found.counts) + 1
    unsure = counts(found, generator.uniform(0.3, 0.9, 200))
    assert population_stability_index(np.array(found.counts), unsure) > 0.25


def test_the_index_has_the_value_of_its_formula():
    before, after = np.array([50, 50]), np.array([20, 80])
    by_hand = (0.2 - 0.5) * np.log(0.2 / 0.5) + (0.8 - 0.5) * np.log(0.8 / 0.5)
    assert population_stability_index(before, after) == pytest.approx(by_hand)
    assert population_stability_index(before, 10 * after) == pytest.approx(by_hand)


@pytest.mark.parametrize("values", [[], [1.0, np.nan], [1.0, np.inf]])
def test_values_that_are_no_numbers_are_refused(values):
    with pytest.raises(ValueError, match="contrast"):
        histograms({"contrast": np.array(values)})


def test_nothing_is_compared_with_no_images():
    with pytest.raises(ValueError, match="images"):
        population_stability_index(np.array([5, 5]), np.array([0, 0]))


def test_what_is_measured_of_images():
    grey = np.full((1, 8, 8, 3), 100, np.uint8)
    board = np.where(np.indices((8, 8)).sum(0) % 2, 0, 200)[None, :, :, None].repeat(3, axis=3).astype(np.uint8)
    flat, sharp = input_statistics(grey), input_statistics(board)
    assert (flat["brightness"][0], flat["contrast"][0], flat["sharpness"][0]) == (100, 0, 0)
    assert (sharp["brightness"][0], sharp["contrast"][0]) == (100, pytest.approx(100))
    assert sharp["sharpness"][0] > 100


def test_sharpness_is_the_mean_absolute_laplacian_of_another_implementation():
    grey = np.random.default_rng(3).integers(0, 256, (2, 9, 7), dtype=np.uint8)
    expected = [np.abs(laplace(picture.astype(float), mode="mirror")).mean() for picture in grey]
    assert input_statistics(grey[..., None].repeat(3, axis=3))["sharpness"] == pytest.approx(expected)
