import numpy as np
import pytest
import torch

from synthoscope.classifier.networks import build_network, to_input
from synthoscope.classifier.outputs import outputs_of
from synthoscope.classifier.reliability.out_of_distribution import Detector, fit, views_of
from synthoscope.datasets.phantoms import LABELS, generate
from synthoscope.images.strangers import KINDS, strangers

pytestmark = pytest.mark.usefixtures("one_thread")


def phantoms(first: int, count: int) -> np.ndarray:
    grey = [generate(LABELS[seed % len(LABELS)], seed=seed, size=64).image for seed in range(first, first + count)]
    return np.stack(grey)[..., None].repeat(3, axis=3)


@pytest.fixture(scope="module")
def views():
    network = build_network("cnn-64", 4, seed=1).eval()

    def of(images: np.ndarray):
        with torch.inference_mode():
            return views_of(images, outputs_of(network, to_input(torch.from_numpy(images)))[1].numpy())

    return of


@pytest.fixture(scope="module")
def detector(views) -> Detector:
    return fit(views(phantoms(0, 300)), views(phantoms(1000, 200)))


def test_images_of_the_task_are_rarely_refused(views, detector):
    assert detector.refused(views(phantoms(5000, 300))).mean() <= 0.02


def test_made_up_images_of_no_task_are_refused(views, detector):
    refused = {kind: detector.refused(views(strangers(kind, 20, 64))).mean() for kind in KINDS}
    assert np.mean(list(refused.values())) >= 0.99, refused


def test_a_detector_is_the_same_after_being_stored(views, detector):
    again = Detector.from_tensors(detector.to_tensors())
    some = views(np.concatenate([phantoms(7000, 5), strangers("text", 5, 64)]))
    assert np.array_equal(again.scores(some), detector.scores(some))
    assert again.refused(some).tolist() == [False] * 5 + [True] * 5


def test_a_handful_of_images_is_enough_to_fit_on(views):
    found = fit(views(phantoms(0, 3)), views(phantoms(10, 1)))
    assert np.isfinite(found.scores(views(strangers("flat", 2, 64)))).all()
