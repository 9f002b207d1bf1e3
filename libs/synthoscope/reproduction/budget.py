"""How much of a paper's training fits into a budget of minutes.

A third of the budget goes to generators, a sixth to their images, and a half to classifiers; each part is cut by one
share for all of its steps, so that they stay comparable. The estimates below decide that beforehand, so that the same
command asks for the same again; how long it really takes is on the page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig, GanTrainingConfig
from synthoscope.classifier.parsing import from_message
from synthoscope.datasets.counts import training_counts
from synthoscope.gan import config as gan_config
from synthoscope.reproduction.recipe import Gan, Network, Recipe, SyntheticImages

SHARES = {"generators": 1 / 3, "images": 1 / 6, "classifiers": 1 / 2}
"""Of the budget."""

FEWEST_IMAGES = 10
"""Of each class in a synthetic set, however small the budget."""

# Seconds for 1,000 images of 64 × 64 pixels on two cores; others go by their pixels. Generators, cnn-128, cnn-xray,
# efficientnet-lite0 and resnet50 are rounded from benchmarks/results; other networks are guessed from their layers.
_GANS: Mapping[str, float] = {
    "dcgan-128": 19, "dcgan-64": 31, "sngan-mri": 21, "acgan-xray": 70, "dcgan-xray": 200,
    "lsgan": 19, "wgan": 16, "wgan-gp": 27, "infogan": 20, "ddgan": 80, "r3": 55,
}  # fmt: skip
_NETWORKS: Mapping[str, float] = {
    "cnn-64": 2.5, "cnn-128": 2.5, "cnn-mri": 20, "cnn-mri-pooled": 20, "cnn-xray": 14, "vgg16-xray": 45,
    "efficientnet-lite0": 6, "vgg16": 60, "resnet50": 26, "densenet201": 50, "inceptionv3": 20, "xception": 30,
    "efficientnet-b0": 14,
}  # fmt: skip
_MAKING = 0.3
"""Of the time that training on as many images takes."""


@dataclass(frozen=True)
class Plan:
    """The share of the paper's amounts that each part gets, in (0, 1]."""

    minutes: float
    generators: float = 1.0
    images: float = 1.0
    classifiers: float = 1.0

    def gan(self, config: GanTrainingConfig) -> GanTrainingConfig:
        """A generator's training, of fewer epochs; at least one."""
        scaled = GanTrainingConfig()
        scaled.CopyFrom(config)
        scaled.epochs = max(1, round(config.epochs * self.generators))
        for label, epochs in config.class_epochs.items():
            scaled.class_epochs[label] = max(1, round(epochs * self.generators))
        return scaled

    def counts(self, counts: Mapping[str, int]) -> Mapping[str, int]:
        """Images of each class; at least FEWEST_IMAGES, or as many as the paper has."""
        return {
            label: max(min(count, FEWEST_IMAGES), round(count * self.images)) for label, count in sorted(counts.items())
        }

    def network(self, config: ClassifierTrainingConfig, images: int, seed: int) -> ClassifierTrainingConfig:
        """A classifier's training on so many images: fewer epochs, or where it comes to less than one, fewer steps."""
        scaled = ClassifierTrainingConfig()
        scaled.CopyFrom(config)
        scaled.seed = seed
        epochs = config.epochs * self.classifiers
        scaled.epochs = max(1, round(epochs))
        if epochs < 1:
            scaled.steps_per_epoch = max(1, ceil(epochs * images / from_message(config).batch_size))
        return scaled


def plan(recipe: Recipe, versions: Mapping[str, DatasetVersion], minutes: float) -> Plan:
    """What fits into a budget; all that the papers did when it is 0."""
    if not minutes:
        return Plan(0.0)
    needed = {"generators": 0.0, "images": 0.0, "classifiers": 0.0}
    for step in recipe.steps.values():
        match step:
            case Gan():
                needed["generators"] += _gan_seconds(step, versions)
            case SyntheticImages():
                gan = recipe.steps[step.gan]
                assert isinstance(gan, Gan)  # noqa: S101  # recipes are tested to refer to what they should
                needed["images"] += _MAKING * sum(step.counts.values()) * _seconds_of_gan(gan.config)
            case Network():
                needed["classifiers"] += _network_seconds(recipe, step, versions)
    shares = {part: min(1.0, 60 * minutes * SHARES[part] / max(needed[part], 1e-9)) for part in needed}
    return Plan(minutes, **shares)


def images_of(recipe: Recipe, network: Network, versions: Mapping[str, DatasetVersion], shown: Plan) -> int:
    """How many training images a network sees in an epoch, those that are held out included."""
    real = 0 if network.alone else sum(training_counts(versions[network.data]).values())
    made = 0
    for name in network.synthetic:
        step = recipe.steps[name]
        assert isinstance(step, SyntheticImages)  # noqa: S101  # as above
        made += sum(shown.counts(step.counts).values())
    return real + made


def _gan_seconds(step: Gan, versions: Mapping[str, DatasetVersion]) -> float:
    counts = training_counts(versions[step.data])
    seen = sum(count * (step.config.class_epochs.get(label) or step.config.epochs) for label, count in counts.items())
    return seen * _seconds_of_gan(step.config)


def _seconds_of_gan(config: GanTrainingConfig) -> float:
    """For one image."""
    whole = gan_config.from_message(config)
    return _GANS[whole.preset] / 1000 * (whole.image_size / 64) ** 2


def _network_seconds(recipe: Recipe, step: Network, versions: Mapping[str, DatasetVersion]) -> float:
    config = from_message(step.config)
    seconds = _NETWORKS[config.preset] / 1000 * (config.image_size / 64) ** 2
    passes = 1.0 if config.features_are_fixed else float(config.epochs)
    return step.seeds * passes * images_of(recipe, step, versions, Plan(0.0)) * seconds
