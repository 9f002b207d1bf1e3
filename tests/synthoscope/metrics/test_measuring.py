import json
from functools import cache

import numpy as np
import pytest

from synthoscope.datasets.phantoms import LABELS, generate
from synthoscope.metrics.efficientnet_lite0_onnx import EfficientNetLite0
from synthoscope.metrics.labelled_images import LabelledImages
from synthoscope.metrics.measuring import measure
from synthoscope.metrics.nearest_real import reduced
from synthoscope.metrics.relative import OVERALL

SIZE = 32


class Thumbnails:
    """Features that cost nothing: the pixels, of which every other is left out. Gives no probabilities."""

    name, dimensions = "thumbnails", 256

    def features(self, images):
        return reduced(images[:, ::2, ::2]).astype(np.float32) / 255.0


@cache
def phantoms(first, per_class=60):
    """As many of each class; every one has a seed, and so a head, of its own."""
    labels = np.repeat(LABELS, per_class).tolist()
    images = [generate(label, first + number, SIZE).image for number, label in enumerate(labels)]
    return LabelledImages(np.stack(images), labels)


def noisy(images, level=2.0):
    noise = np.random.default_rng(0).normal(0, level, images.images.shape)
    return LabelledImages(np.clip(images.images + noise, 0, 255).astype(np.uint8), images.labels)


REAL, HELD_OUT, HONEST = phantoms(0), phantoms(1000, 40), phantoms(2000)


def test_an_honest_set_is_as_real_images_are():
    found = measure(HONEST, REAL, HELD_OUT, Thumbnails())
    assert set(found.frechet) == set(found.kernel) == set(found.support) == {OVERALL, *LABELS}
    assert all(distance.ratio < 1.5 for distance in found.frechet.values())
    assert found.kernel[OVERALL].excess < 4
    assert found.support[OVERALL].generated.coverage > 0.8 * found.support[OVERALL].real.coverage
    assert found.similarity[OVERALL].generated == pytest.approx(found.similarity[OVERALL].real, abs=0.05)
    assert found.generated_nearness.psnr == pytest.approx(found.held_out_nearness.psnr, abs=1.0)
    assert not found.memorisation.found
    assert found.generated_score is None


def test_a_class_is_compared_with_its_own_real_images():
    elsewhere = dict(zip(LABELS, LABELS[1:] + LABELS[:1], strict=True))
    renamed = LabelledImages(REAL.images, [elsewhere[label] for label in REAL.labels])
    found = measure(renamed, REAL, None, Thumbnails())
    assert found.generated_nearness.mse == 0
    assert found.nearness_by_class.keys() == set(LABELS)
    assert all(nearness.mse > 0 for nearness in found.nearness_by_class.values())


def test_a_collapsed_set_is_alike_and_covers_little():
    one = np.repeat(np.arange(0, 240, 60), 60)  # one image of each class
    collapsed = noisy(LabelledImages(HONEST.images[one], HONEST.labels))
    found = measure(collapsed, REAL, HELD_OUT, Thumbnails())
    assert found.similarity["glioma"].generated > found.similarity["glioma"].real + 0.3
    assert found.support[OVERALL].generated.coverage < 0.3 * found.support[OVERALL].real.coverage
    assert found.frechet["glioma"].ratio > 2


def test_blurred_images_are_far_off():
    blurred = LabelledImages(np.repeat(np.repeat(HONEST.images[:, ::4, ::4], 4, 1), 4, 2), HONEST.labels)
    assert measure(blurred, REAL, None, Thumbnails()).frechet[OVERALL].ratio > 2


def test_mirrored_copies_are_found_with_the_default_features():
    real = phantoms(0, 20)
    copies = noisy(LabelledImages(real.images[:, :, ::-1], real.labels))
    found = measure(copies, real, phantoms(1000, 20), EfficientNetLite0())
    assert found.memorisation.found
    assert found.memorisation.copies > 0.9
    assert 1.0 < found.generated_score.mean < 1000.0


def test_held_out_images_are_not_found_with_the_default_features():
    found = measure(phantoms(2000, 20), phantoms(0, 20), phantoms(1000, 20), EfficientNetLite0())
    assert not found.memorisation.found
    assert found.frechet[OVERALL].ratio < 1.3


def test_the_report_is_json_and_the_same_again():
    found = measure(HONEST, REAL, HELD_OUT, Thumbnails(), seed=3)
    report = found.as_json()
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert report["memorisation"]["found"] is False
    assert report["frechet"][OVERALL]["ratio"] == found.frechet[OVERALL].ratio
    assert report["counts"]["held_out"] == dict.fromkeys(LABELS, 40)
    assert measure(HONEST, REAL, HELD_OUT, Thumbnails(), seed=3).as_json() == report


@pytest.mark.parametrize("held_out", [HELD_OUT, None])
def test_progress_ends_at_its_total(held_out):
    told = []
    found = measure(HONEST, REAL, held_out, Thumbnails(), progress=lambda *step: told.append(step))
    done = [step[1] for step in told]
    assert done == sorted(done)
    assert {total for _, _, total in told} == {done[-1]}
    assert (found.memorisation is None) == (held_out is None)
    json.dumps(found.as_json(), allow_nan=False)


def test_progress_may_stop_it():
    def stop(what, done, total):
        raise InterruptedError(what)

    with pytest.raises(InterruptedError, match="generated images"):
        measure(HONEST, REAL, HELD_OUT, Thumbnails(), progress=stop)
