import numpy as np
import pytest

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


def test_equal_values_make_one_bin():
    (found,) = histograms({"a": np.ones(5)})
    assert list(found.counts) == [5]


def test_what_is_measured_of_images():
    grey = np.full((1, 8, 8, 3), 100, np.uint8)
    board = np.where(np.indices((8, 8)).sum(0) % 2, 0, 200)[None, :, :, None].repeat(3, axis=3).astype(np.uint8)
    flat, sharp = input_statistics(grey), input_statistics(board)
    assert (flat["brightness"][0], flat["contrast"][0], flat["sharpness"][0]) == (100, 0, 0)
    assert (sharp["brightness"][0], sharp["contrast"][0]) == (100, pytest.approx(100))
    assert sharp["sharpness"][0] > 100
