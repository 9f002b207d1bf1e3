from dataclasses import replace

import numpy as np
import pytest
import torch
from spots import spots

from synthoscope.classifier import loop
from synthoscope.classifier.config import NO_AUGMENTATION, Balance, ClassifierConfig
from synthoscope.classifier.data import LabelledPixels, TrainingData
from synthoscope.classifier.networks import to_input
from synthoscope.classifier.presets import PRESETS
from synthoscope.classifier.state import network_of
from synthoscope.experiment.arms import Arm, Material, compose
from synthoscope.experiment.training import config_of, digest_of, predict, train
from synthoscope.images.augmentation import Augmentation
from synthoscope.images.preprocessing import Pipeline
from synthoscope.images.steps.normalization import Normalization
from synthoscope.training.callbacks import NoCallbacks

pytestmark = pytest.mark.usefixtures("one_thread")

CLASSES = ("none", "above", "below")
BASE = replace(PRESETS["cnn-64"], epochs=3, batch_size=8)
REAL, VALIDATION = spots(24, seed=1), spots(12, seed=2)
MATERIAL = Material(REAL, further=spots(30, seed=3), synthetic=spots(60, seed=4), filtered=spots(30, seed=5))


def data(training: LabelledPixels = REAL, validation: LabelledPixels = VALIDATION) -> TrainingData:
    return TrainingData(training, validation)


class Steps(NoCallbacks):
    """The optimiser's steps at the end of each epoch, and the images that they took."""

    def __init__(self):
        self.seen = []

    def on_report(self, report):
        if report.metrics:
            self.seen.append((report.step, report.images_seen))


def trained(config: ClassifierConfig, training: LabelledPixels = REAL, callbacks=None):
    surroundings = loop.Surroundings(callbacks=callbacks or NoCallbacks())
    return train(config, data(training), CLASSES, surroundings, lambda network: None)


@pytest.mark.parametrize("arm", list(Arm))
def test_only_the_augmented_arm_sees_changed_images(arm):
    assert BASE.augmentation != NO_AUGMENTATION
    expected = BASE.augmentation if arm is Arm.AUGMENTED else NO_AUGMENTATION
    assert config_of(BASE, arm, 0, 3).augmentation == expected


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_the_augmented_arm_changes_images_whatever_the_network(preset):
    """A network whose preset changes none has the first paper's changes there; else its arm would be the real one."""
    given = PRESETS[preset].augmentation
    expected = Augmentation() if given == NO_AUGMENTATION else given
    assert config_of(PRESETS[preset], Arm.AUGMENTED, 0, 3).augmentation == expected != NO_AUGMENTATION
    assert config_of(PRESETS[preset], Arm.REAL, 0, 3).augmentation == NO_AUGMENTATION


def test_changes_that_were_asked_for_are_those_of_the_augmented_arm():
    flips = replace(NO_AUGMENTATION, horizontal_flip=True)
    assert config_of(replace(BASE, augmentation=flips), Arm.AUGMENTED, 0, 3).augmentation == flips


def test_besides_the_seed_and_random_changes_arms_are_trained_alike():
    configs = [config_of(BASE, arm, 7, 3) for arm in Arm]
    alike = replace(BASE, seed=7, steps_per_epoch=3, early_stopping_patience=3, augmentation=NO_AUGMENTATION)
    assert [replace(config, augmentation=NO_AUGMENTATION) for config in configs] == [alike] * len(Arm)


def test_steps_are_those_asked_for_or_a_pass_over_the_real_images():
    assert config_of(BASE, Arm.REAL, 0, 3).steps_per_epoch == 3
    assert config_of(replace(BASE, steps_per_epoch=40), Arm.REAL, 0, 3).steps_per_epoch == 40


def test_all_arms_take_the_same_number_of_steps_and_images():
    for arm in Arm:
        steps = Steps()
        trained(config_of(BASE, arm, 0, 3), compose(arm, 2.0, MATERIAL, 0).images, steps)
        assert steps.seen == [(3, 24), (6, 48), (9, 72)], arm


def test_a_run_that_does_not_get_better_is_not_stopped_early():
    base = replace(BASE, epochs=6, early_stopping_patience=1, learning_rate=1e-9, dropout=0.0)
    assert len(trained(base).validation_macro_f1) < 6
    assert len(trained(config_of(base, Arm.REAL, 0, 3)).validation_macro_f1) == 6


def test_it_learns_and_its_weights_predict():
    config = config_of(replace(BASE, epochs=8), Arm.REAL, 0, 8)
    found = trained(config)
    assert len(found.validation_macro_f1) == 8
    assert found.validation_macro_f1[-1] > 0.9
    unseen = spots(60, seed=9)
    said = predict(config, found.weights, 3, unseen.images, Pipeline())
    assert (said.argmax(axis=1) == unseen.labels).mean() > 0.9


def test_classes_are_weighted_when_that_is_asked_for():
    few = REAL.take(np.flatnonzero((REAL.labels > 0) | (np.arange(len(REAL)) < 9)))
    assert len(set(few.counts(3))) > 1
    config = config_of(BASE, Arm.REAL, 0, 2)
    plain, weighted = (
        trained(replace(config, class_balance=balance), few).weights
        for balance in (Balance.NONE, Balance.WEIGHTED_LOSS)
    )
    assert not all(torch.equal(plain[name], weighted[name]) for name in plain)


def test_a_seed_trains_the_same_and_another_seed_otherwise():
    one, again, other = (trained(config_of(BASE, Arm.AUGMENTED, seed, 3)).weights for seed in (1, 1, 2))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("pipeline", [Pipeline(), Pipeline(normalization=Normalization(0.5, 0.25))])
def test_predictions_are_the_softmax_of_the_network_in_evaluation(pipeline):
    # It has batch normalisation: in training, images would change each other's outputs.
    config = replace(PRESETS["vgg16-xray"], image_size=32)
    network = network_of(config, 3)
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm1d):
            torch.nn.init.ones_(layer.weight)
            layer.momentum = None  # so that one pass is enough to know means and variances
    images = spots(150, seed=6).images[:, 8:40, 8:40]  # more than one batch
    inputs = pipeline.normalization.apply(to_input(torch.from_numpy(images)))
    with torch.inference_mode():
        network(inputs)
        logits = network.eval()(inputs)
    said = predict(config, network.state_dict(), 3, images, pipeline)
    assert said.dtype == np.float32
    assert said.std(axis=0).min() > 0.001
    np.testing.assert_allclose(said, torch.softmax(logits, dim=1).numpy(), atol=1e-5)


def darker(part: LabelledPixels) -> LabelledPixels:
    """The same, but for one value of one image."""
    images = part.images.copy()
    images[-1, -1, -1, -1] ^= 1
    return LabelledPixels(images, part.labels)


def relabelled(part: LabelledPixels) -> LabelledPixels:
    labels = part.labels.copy()
    labels[0] = 2
    return LabelledPixels(part.images, labels)


def test_the_same_content_has_the_same_digest():
    again = TrainingData(spots(24, seed=1), spots(12, seed=2))
    assert digest_of(BASE, data(), 1) == digest_of(replace(BASE), again, 1)
    turned = LabelledPixels(np.asfortranarray(REAL.images), REAL.labels)
    assert digest_of(BASE, data(turned), 1) == digest_of(BASE, data(), 1)


def test_whatever_may_change_the_outcome_changes_the_digest():
    last = np.arange(len(REAL))[::-1]
    runs = [
        (BASE, data()),
        (BASE, data(darker(REAL))),
        (BASE, data(relabelled(REAL))),
        (BASE, data(REAL.take(last))),
        (BASE, data(REAL.join(REAL))),
        (BASE, data(validation=darker(VALIDATION))),
        (BASE, data(validation=relabelled(VALIDATION))),
        (BASE, data(VALIDATION, REAL)),
        (BASE, replace(data(), pipeline=Pipeline(normalization=Normalization(0.5, 0.25)))),
        *((config_of(BASE, arm, seed, 3), data()) for arm in (Arm.REAL, Arm.AUGMENTED) for seed in (0, 1)),
        (replace(BASE, preset="cnn-128"), data()),
        (replace(BASE, learning_rate=0.002), data()),
        (replace(BASE, epochs=4), data()),
        (replace(BASE, weights="imagenet"), data()),
        (replace(BASE, seed=2**62), data()),
        (replace(BASE, seed=2**62 + 1), data()),
    ]
    digests = {digest_of(*run, threads) for run in runs for threads in (1, 2)}
    assert len(digests) == 2 * len(runs)


def test_images_of_training_are_not_taken_for_those_of_validation():
    """Black images of the first class are nothing but zeros, wherever one part ends and the other begins."""
    black = LabelledPixels(np.zeros((3, 4, 4, 3), np.uint8), np.zeros(3, np.int64))
    one, two = black.take(np.arange(1)), black.take(np.arange(2))
    assert digest_of(BASE, data(one, two), 1) != digest_of(BASE, data(two, one), 1)


def test_arms_of_the_same_images_and_configuration_are_trained_once():
    """Balanced classes need no synthetic image, so that this arm is the one of real images."""
    real, balanced = (compose(arm, 0.0, MATERIAL, 3) for arm in (Arm.REAL, Arm.BALANCED))
    configs = [config_of(BASE, arm, 3, 3) for arm in (Arm.REAL, Arm.BALANCED)]
    assert digest_of(configs[0], data(real.images), 1) == digest_of(configs[1], data(balanced.images), 1)
