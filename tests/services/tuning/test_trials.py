from dataclasses import replace

import numpy as np
import pytest

from services.tuning import trials
from services.tuning.trials import TrialData
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig
from synthoscope.classifier.parsing import from_message
from synthoscope.gan.config import Conditioning, GanConfig
from synthoscope.rpc.errors import Cancelled

pytestmark = pytest.mark.usefixtures("one_thread")


def data(count=48, classes=2, size=64):
    """Images whose class is their brightness."""
    generator = np.random.default_rng(0)
    labels = np.arange(count) % classes
    noise = generator.integers(0, 60, size=(count, size, size, 3))
    pixels = (noise + 150 * labels[:, None, None, None]).astype(np.uint8)
    return TrialData(pixels, labels, tuple("abcd"[:classes]), groups=np.arange(count) // 2)


def measure(config, images):
    measurements = []
    trials.run(config, images, measurements.append)
    return measurements


def classifier(epochs=2):
    message = ClassifierTrainingConfig(preset="cnn-64", epochs=epochs, batch_size=8, validation_fraction=0.25)
    return from_message(message)


def test_a_classifiers_objective_is_macro_f1_after_every_epoch():
    measurements = measure(classifier(), data())
    assert [measurement.images_seen for measurement in measurements] == [32, 64]
    assert all(0 <= measurement.objective <= 1 for measurement in measurements)
    assert 0 < measurements[0].seconds < measurements[1].seconds


@pytest.mark.parametrize("conditioning", list(Conditioning))
def test_a_gans_objective_is_a_frechet_distance(conditioning, monkeypatch):
    monkeypatch.setattr(trials, "FRECHET_IMAGES", 8)
    config = GanConfig("dcgan-64", epochs=2, batch_size=4, conditioning=conditioning)
    measurements = measure(config, data(count=8))
    assert len(measurements) == 2
    assert all(measurement.objective > 1 for measurement in measurements)


@pytest.mark.parametrize("config", [classifier(), GanConfig("dcgan-64", epochs=1, batch_size=8)])
def test_a_trial_stops_before_its_next_step_when_asked(config):
    with pytest.raises(Cancelled):
        trials.run(config, data(), lambda measurement: None, should_stop=lambda: True)


@pytest.mark.training
def test_the_same_trial_gives_the_same_numbers(monkeypatch):
    monkeypatch.setattr(trials, "FRECHET_IMAGES", 8)
    config = GanConfig("dcgan-64", epochs=1, batch_size=4)
    once, again = (measure(config, data(count=8))[0].objective for _ in range(2))
    other = measure(replace(config, learning_rate=1e-3), data(count=8))[0].objective
    assert once == again != other


def test_a_sample_keeps_the_proportions_and_depends_on_the_seed():
    images = data(count=40, classes=4, size=4)
    sample = images.sample(12, seed=1)
    assert np.bincount(sample.labels).tolist() == [3, 3, 3, 3]
    assert np.array_equal(sample.images, images.sample(12, seed=1).images)
    assert not np.array_equal(sample.images, images.sample(12, seed=2).images)
    assert len(images.sample(0, seed=1).labels) == 40
    chosen = [int(np.flatnonzero((images.images == picture).all((1, 2, 3)))[0]) for picture in sample.images]
    assert np.array_equal(sample.groups, images.groups[chosen])


def test_a_trial_holds_out_whole_groups(monkeypatch):
    held = []
    monkeypatch.setattr(trials.classifier_loop, "train", lambda config, data, *rest, **named: held.append(data))
    images = data(count=32)
    measure(classifier(), replace(images, groups=np.arange(32) // 8))
    [chosen] = held
    picked = [int(np.flatnonzero((images.images == picture).all((1, 2, 3)))[0]) for picture in chosen.validation.images]
    assert len(picked) == 8
    assert len({index // 8 for index in picked}) == 1
