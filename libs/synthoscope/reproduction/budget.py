"""How much of a paper's training fits into a budget of minutes.

What every job takes whatever it trains, its start and its measurement, comes first. Of what is left a third goes to
generators, a sixth to their images, and a half to classifiers; what a part does not need goes to the others. Each part
is cut by one share for all of its steps, so that they stay comparable, but for those that a recipe names. The estimates
below decide that beforehand, so that the same command asks for the same again; how long it really takes is on the page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion, Split
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig, GanTrainingConfig
from synthoscope.classifier.parsing import from_message
from synthoscope.datasets.counts import training_counts
from synthoscope.gan import config as gan_config
from synthoscope.reproduction.recipe import Evaluated, Gan, Network, Recipe, SyntheticImages

SHARES = {"generators": 1 / 3, "images": 1 / 6, "classifiers": 1 / 2}
"""Of what is left of the budget when jobs have started and measured."""

LEAST_LEFT = 0.5
"""Of the budget, for training, however many jobs there are; where they leave less, classifiers have one seed."""

FEWEST_IMAGES = 10
"""Of each class in a synthetic set, however small the budget."""

# Seconds for 1,000 images of 64 × 64 pixels on two cores; others go by their pixels. Generators, cnn-128, cnn-xray,
# efficientnet-lite0 and resnet50 are rounded from benchmarks/results; other networks are guessed from their layers.
_GANS: Mapping[str, float] = {
    "dcgan-128": 19, "dcgan-64": 31, "sngan-mri": 21, "acgan-xray": 70, "dcgan-xray": 200,
    "lsgan": 19, "wgan": 16, "wgan-gp": 27, "infogan": 20, "ddgan": 80, "r3": 55,
}  # fmt: skip
_NETWORKS: Mapping[str, float] = {
    "cnn-64": 2.5, "cnn-128": 2.5, "cnn-mri": 9.5, "cnn-mri-pooled": 8, "cnn-xray": 14, "vgg16-xray": 90,
    "efficientnet-lite0": 6, "vgg16": 60, "resnet50": 26, "densenet201": 50, "inceptionv3": 20, "xception": 30,
    "efficientnet-b0": 14,
}  # fmt: skip
_MAKING = 0.3
"""Of the time that training on as many images takes."""

_ANSWERING = 1 / 3
"""Of the time that training on as many images takes."""

_CHANGED = 31 * 300
"""Images that a classifier answers for the table of changed ones, at most."""

_STARTING = {"generators": 15.0, "images": 20.0, "classifiers": 20.0}
"""Seconds that a job takes besides."""


@dataclass(frozen=True)
class Plan:
    """The share of the paper's amounts that each part gets, in (0, 1]; `one_seed` where classifiers get no others."""

    minutes: float
    generators: float = 1.0
    images: float = 1.0
    classifiers: float = 1.0
    one_seed: bool = False

    def seeds(self, step: Network) -> int:
        """How many seeds a classifier is trained with."""
        return 1 if self.one_seed else step.seeds

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

    def share_of(self, step: Network) -> float:
        """The share of its epochs that a classifier gets."""
        return 1.0 if is_whole(step) or self.classifiers == 1 else step.part * self.classifiers

    def network(self, step: Network, images: int, seed: int, *, in_step: bool = False) -> ClassifierTrainingConfig:
        """A classifier's training, whose epochs pass over so many images: fewer epochs, or less than one of them.

        `in_step` with others, an epoch has the steps that these images make, whatever the network really learns from.
        """
        scaled = ClassifierTrainingConfig()
        scaled.CopyFrom(step.config)
        scaled.seed = seed
        whole = from_message(step.config)
        epochs = whole.epochs * self.share_of(step)
        scaled.epochs = max(1, round(epochs))
        if epochs < 1:
            scaled.steps_per_epoch = max(1, ceil(epochs * images / whole.batch_size))
        elif in_step:
            scaled.steps_per_epoch = max(1, images // whole.batch_size)
        return scaled


def plan(recipe: Recipe, versions: Mapping[str, DatasetVersion], minutes: float) -> Plan:
    """What fits into a budget; all that the papers did when it is 0.

    Where jobs take more than half of it to start and to measure, classifiers have one seed.
    """
    if not minutes:
        return Plan(0.0)
    seconds = 60 * minutes
    needed, besides = _needs(recipe, versions, one_seed=False)
    one_seed = besides > (1 - LEAST_LEFT) * seconds
    if one_seed:
        needed, besides = _needs(recipe, versions, one_seed=True)
    shares = _shared(needed, max(seconds - besides, LEAST_LEFT * seconds))
    return Plan(minutes, **shares, one_seed=one_seed)


def _needs(
    recipe: Recipe, versions: Mapping[str, DatasetVersion], *, one_seed: bool
) -> tuple[Mapping[str, float], float]:
    """The seconds that each part would take for the paper's amounts, and those of all jobs besides."""
    needed, besides = dict.fromkeys(SHARES, 0.0), 0.0
    for name, step in recipe.steps.items():
        match step:
            case Gan():
                besides += _STARTING["generators"]
                needed["generators"] += _gan_seconds(step, versions)
            case SyntheticImages():
                gan = recipe.steps[step.gan]
                assert isinstance(gan, Gan)  # noqa: S101  # recipes are tested to refer to what they should
                besides += _STARTING["images"]
                candidates = sum(step.counts.values()) / (step.options.keep_last or 1)
                needed["images"] += _MAKING * candidates * _seconds_of_gan(gan.config)
            case Network():
                seeds = 1 if one_seed else step.seeds
                besides += seeds * _STARTING["classifiers"]
                besides += _measuring_seconds(step, versions, seeds, changed=name in recipe.changed)
                learning = seeds * _network_seconds(recipe, step, versions)
                if is_whole(step):
                    besides += learning
                else:
                    needed["classifiers"] += step.part * learning
            case Evaluated():
                network = recipe.steps[step.network]
                assert isinstance(network, Network)  # noqa: S101  # as above
                answered = _counted(versions[step.data], step.split) * _seconds_of_network(network) * _ANSWERING
                besides += (1 if one_seed else network.seeds) * (_STARTING["classifiers"] + answered)
    return needed, besides


def _shared(needed: Mapping[str, float], seconds: float) -> dict[str, float]:
    """The share of its needs that each part gets: all, where that is less than its part of the seconds."""
    found, left = dict.fromkeys(needed, 1.0), dict(SHARES)
    while left:
        of_each = {part: seconds * share / sum(left.values()) for part, share in left.items()}
        content = [part for part in left if needed[part] <= of_each[part]]
        if not content:
            return found | {part: of_each[part] / needed[part] for part in left}
        for part in content:
            seconds -= needed[part]
            del left[part]
    return found


def is_whole(step: Network) -> bool:
    """Whether it learns for all epochs whatever the budget: fixed features cost a pass once."""
    return step.whole or from_message(step.config).features_are_fixed


def images_of(recipe: Recipe, network: Network, versions: Mapping[str, DatasetVersion], made: Mapping[str, int]) -> int:
    """How many training images an epoch of a network passes over; `made` has those of each synthetic set."""
    if network.as_long_as:
        other = recipe.steps[network.as_long_as]
        assert isinstance(other, Network)  # noqa: S101  # as above
        return images_of(recipe, other, versions, made)
    learned = 0.0 if network.alone else 1 - from_message(network.config).validation_fraction
    real = round(learned * _counted(versions[network.data], Split.SPLIT_TRAIN))
    return real + sum(made[name] for name in network.synthetic)


def _gan_seconds(step: Gan, versions: Mapping[str, DatasetVersion]) -> float:
    counts = training_counts(versions[step.data])
    seen = sum(count * (step.config.class_epochs.get(label) or step.config.epochs) for label, count in counts.items())
    return seen * _seconds_of_gan(step.config)


def _seconds_of_gan(config: GanTrainingConfig) -> float:
    """For one image."""
    whole = gan_config.from_message(config)
    return _GANS[whole.preset] / 1000 * (whole.image_size / 64) ** 2


def _network_seconds(recipe: Recipe, step: Network, versions: Mapping[str, DatasetVersion]) -> float:
    """Of one seed."""
    config = from_message(step.config)
    passes = _ANSWERING if config.features_are_fixed else float(config.epochs)
    made = {
        name: sum(other.counts.values()) for name, other in recipe.steps.items() if isinstance(other, SyntheticImages)
    }
    return passes * images_of(recipe, step, versions, made) * _seconds_of_network(step)


def _seconds_of_network(step: Network) -> float:
    """For one image."""
    config = from_message(step.config)
    return _NETWORKS[config.preset] / 1000 * (config.image_size / 64) ** 2


def _measuring_seconds(step: Network, versions: Mapping[str, DatasetVersion], seeds: int, *, changed: bool) -> float:
    """What its versions are measured on: the test split, the held-out images; the first on changed ones."""
    version = versions[step.data]
    tested = _counted(version, Split.SPLIT_TEST)
    held_out = from_message(step.config).validation_fraction * _counted(version, Split.SPLIT_TRAIN)
    answered = seeds * (tested + held_out) + (min(_CHANGED, 31 * tested) if changed else 0)
    return answered * _seconds_of_network(step) * _ANSWERING


def _counted(version: DatasetVersion, split: Split) -> int:
    return sum(count.count for count in version.counts if count.split == split)
