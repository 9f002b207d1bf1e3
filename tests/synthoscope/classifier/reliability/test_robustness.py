from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from synthoscope.classifier.answering import Answers
from synthoscope.classifier.reliability.robustness import robustness
from synthoscope.images.perturbations import CHANGES

IMAGES = np.repeat(np.array([40, 120], np.uint8), 20)[:, None, None, None] * np.ones((1, 16, 16, 3), np.uint8)
LABELS = np.repeat([0, 1], 20)


def by_brightness(images):
    bright = images.mean(axis=(1, 2, 3)) > 60
    probabilities = np.where(bright[:, None], [0.1, 0.9], [0.9, 0.1]).astype(np.float32)
    return answers(probabilities, images.max(axis=(1, 2, 3)) > 190)


def answers(probabilities, refused):
    strangeness, inputs = np.zeros(len(refused), np.float32), np.zeros((len(refused), 3), np.float32)
    return Answers(probabilities, probabilities.argmax(axis=1), strangeness, refused, None, inputs)


def test_results_without_and_with_every_change():
    changes: list[str] = []
    unchanged, *rest = robustness(by_brightness, IMAGES, LABELS, 300, report=changes.append)
    assert (unchanged.strength, unchanged.accuracy, unchanged.refused) == (0, 1.0, 0.0)
    assert unchanged.expected_calibration_error == pytest.approx(0.1)
    assert [(row.change, row.strength) for row in rest] == [(c, s) for c in CHANGES for s in range(1, 6)]
    assert changes == list(CHANGES)
    strongest = next(row for row in rest if (row.change, row.strength) == ("brightness", 5))
    assert (strongest.parameter, strongest.accuracy, strongest.balanced_accuracy) == (1.75, 0.5, 0.5)
    assert strongest.refused == 0.5


def test_of_many_images_some_of_each_class_are_changed():
    seen = []

    def predict(images):
        seen.append(len(images))
        return answers(np.tile(np.float32([0.6, 0.4]), (len(images), 1)), np.zeros(len(images), bool))

    images, labels = np.zeros((1000, 4, 4, 3), np.uint8), np.array([0] * 900 + [1] * 100)
    unchanged = robustness(predict, images, labels, 300)[0]
    assert set(seen) == {300}
    assert unchanged.accuracy == pytest.approx(0.9, abs=0.01)
    seen.clear()
    shares = [robustness(predict, images, labels, seed=seed, most_images=20)[0].accuracy for seed in range(5)]
    assert shares == pytest.approx([0.9] * 5, abs=0.06)
    assert set(seen) == {20}


def test_which_images_are_drawn_is_random_and_repeats_with_the_seed():
    images = np.arange(200, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)

    def drawn(seed):
        seen = []

        def predict(images):
            seen.append(images[:, 0, 0, 0].tolist())
            return by_brightness(images)

        robustness(predict, images, np.arange(200) % 2, seed=seed, most_images=10)
        return seen[0]

    assert drawn(1) == drawn(1) != drawn(2)


def test_nothing_is_measured_without_images():
    assert robustness(by_brightness, IMAGES[:0], LABELS[:0], 300) == []
    assert robustness(by_brightness, IMAGES, LABELS, 0) == []


def test_what_counts_is_the_class_answered_not_the_likeliest():
    def predict(images):
        found = answers(np.tile(np.float32([0.6, 0.4]), (len(images), 1)), np.zeros(len(images), bool))
        return replace(found, predicted=np.ones(len(images), np.int64))

    unchanged = robustness(predict, IMAGES[10:], LABELS[10:], 300)[0]
    assert unchanged.accuracy == pytest.approx(2 / 3)
    assert unchanged.expected_calibration_error == pytest.approx(0.6 - 1 / 3)


def test_balanced_accuracy_counts_only_classes_with_images():
    def predict(images):
        return answers(np.tile(np.float32([0.6, 0.3, 0.1]), (len(images), 1)), np.zeros(len(images), bool))

    unchanged = robustness(predict, IMAGES[10:], LABELS[10:], 300)[0]
    assert unchanged.balanced_accuracy == pytest.approx(balanced_accuracy_score(LABELS[10:], np.zeros(30)))
    assert unchanged.accuracy == pytest.approx(1 / 3)
