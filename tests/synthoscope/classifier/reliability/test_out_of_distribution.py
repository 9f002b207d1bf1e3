import numpy as np
import pytest
import torch

from synthoscope.classifier.network_outputs import outputs_of
from synthoscope.classifier.networks import build_network, to_input
from synthoscope.classifier.reliability.out_of_distribution import ALLOWED, Bank, Detector, fit, limits_of, views_of
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


def test_no_more_are_refused_than_allowed_of_images_like_the_held_out_ones():
    random = np.random.default_rng(5)
    shares = []
    for _ in range(300):
        # Five views of different tails; some are strange in several.
        distances = np.exp(random.normal(0, 1, (900, 1)) * 0.5 + random.normal(0, 1, (900, 5)) * [0.1, 0.3, 0.5, 1, 2])
        shares.append((distances[400:] > limits_of(distances[:400])).any(axis=1).mean())
    assert 0.25 * ALLOWED < np.mean(shares) <= ALLOWED


def test_few_held_out_images_give_their_largest_distances():
    distances = np.random.default_rng(0).random((30, 5)).astype(np.float32)
    assert np.array_equal(limits_of(distances), distances.max(axis=0))


def test_what_never_varies_counts_most():
    random = np.random.default_rng(0)
    rows = random.normal(0, 1, (500, 6)).astype(np.float32) * np.array([10, 10, 10, 0.1, 0, 0], np.float32)
    bank = Bank.of(rows)
    usual = bank.distances(rows).max()
    along, across = np.zeros((2, 1, 6), np.float32)
    along[0, 0], across[0, 5] = 12, 12
    assert bank.distances(along)[0] < usual < bank.distances(across)[0]


def test_more_features_than_images_are_no_trouble():
    random = np.random.default_rng(0)
    rows = random.normal(0, 1, (40, 700)).astype(np.float32)
    bank = Bank.of(rows)
    assert bank.units.axes.shape == (700, 40)
    assert np.isfinite(bank.distances(random.normal(0, 5, (3, 700)).astype(np.float32))).all()
