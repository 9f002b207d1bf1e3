"""What one trial does: the training loop itself, its objective measured after each epoch. Knows no Ray."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from services.tuning.space import TrainingConfig
from services.tuning.specification import stratified_counts
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.classifier import loop as classifier_loop
from synthoscope.classifier.config import ClassifierConfig
from synthoscope.classifier.data import LabelledPixels, findings_shown, hold_out
from synthoscope.classifier.objectives import objective_of
from synthoscope.gan import loop as gan_loop
from synthoscope.gan import sampling
from synthoscope.gan.config import Conditioning, GanConfig
from synthoscope.gan.plan import plan
from synthoscope.images.preprocessing import Pipeline
from synthoscope.metrics import efficientnet_lite0
from synthoscope.metrics.frechet_distance import frechet_distance
from synthoscope.training.callbacks import Checkpoint, NoCallbacks, Report
from synthoscope.training.parallel import World
from synthoscope.training.randomness import derive_seed, numpy_generator

FRECHET_IMAGES = 256
"""Generated images, and training images, of every Fréchet distance. Fixed, for it depends on how many there are."""


@dataclass(frozen=True)
class Measurement:
    """A trial after an epoch: its objective, images trained on so far, seconds of training and measuring so far."""

    objective: float
    images_seen: int
    seconds: float


@dataclass(frozen=True)
class TrialData:
    """Training images, uint8 N×S×S×3, their class numbers, int64 N, the classes' names, and what preprocessed them.

    `groups` has a number for each image, int64 N: those of one are held out together, or not (`datasets.grouping`).
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    groups: NDArray[np.int64]
    pipeline: Pipeline = field(default_factory=Pipeline)

    def sample(self, most: int, seed: int) -> "TrialData":
        """At most `most` of them (0: all), chosen by the seed in proportion to the classes, their order kept."""
        counts = [int(np.sum(self.labels == number)) for number in range(len(self.classes))]
        chosen = [
            numpy_generator(seed, "subset", number).permutation(np.flatnonzero(self.labels == number))[:share]
            for number, share in enumerate(stratified_counts(counts, most))
        ]
        rows = np.sort(np.concatenate(chosen))
        return replace(self, images=self.images[rows], labels=self.labels[rows], groups=self.groups[rows])


def run(
    config: TrainingConfig,
    data: TrialData,
    report: Callable[[Measurement], None],
    should_stop: Callable[[], bool] = lambda: False,
    initialise: Callable[[nn.Module], None] = lambda _: None,
) -> None:
    """Trains once and reports each epoch's objective: macro F1 on held-out validation images, or the Fréchet distance.

    `should_stop` is asked before every step; `initialise` gives a classifier's network its first weights. Raises what
    the training loops raise, Cancelled when `should_stop` said yes.
    """
    started = time.monotonic()

    def reports(objective: float, images_seen: int) -> None:
        report(Measurement(objective, images_seen, time.monotonic() - started))

    if isinstance(config, GanConfig):
        _run_gan(config, data, reports, should_stop)
    else:
        _run_classifier(config, data, reports, should_stop, initialise)


@dataclass(frozen=True)
class _Callbacks(NoCallbacks):
    stops: Callable[[], bool]

    def should_stop(self) -> bool:
        return self.stops()


def _run_classifier(
    config: ClassifierConfig,
    data: TrialData,
    report: Callable[[float, int], None],
    stops: Callable[[], bool],
    initialise: Callable[[nn.Module], None],
) -> None:
    class MacroF1(_Callbacks):
        def on_report(self, step: Report) -> None:
            if "validation_macro_f1" in step.metrics:
                report(step.metrics["validation_macro_f1"], step.images_seen)

    real = LabelledPixels(data.images, data.labels)
    findings = findings_shown(config, data.classes, real.labels)
    held_out = hold_out(real, None, data.groups, config.validation_fraction, config.seed, findings)
    held_out = replace(held_out, pipeline=data.pipeline)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    objective = objective_of(config, data.classes, held_out.training.counts(len(data.classes)))
    surroundings = classifier_loop.Surroundings(World(), MacroF1(stops), device)
    classifier_loop.train(config, held_out, objective, surroundings, initialise=initialise)


def _run_gan(
    config: GanConfig, data: TrialData, report: Callable[[float, int], None], stops: Callable[[], bool]
) -> None:
    """The loop gives out its generators with checkpoints, so those are made once an epoch; nothing stores them.

    With one GAN per class, nothing is measured before the last class's has begun.
    """
    parts = plan(config, data.labels, data.classes)
    config = replace(
        config, checkpoint_every=parts[-1].steps_per_epoch, sample_every=parts[-1].end_step, measure_kimg=0.0
    )
    real = data.sample(FRECHET_IMAGES, derive_seed(config.seed, "real"))
    real_features = efficientnet_lite0.features(real.images)

    class Frechet(_Callbacks):
        def on_checkpoint(self, checkpoint: Checkpoint) -> None:
            if checkpoint.step <= parts[-1].first_step:
                return
            generated = _generated(config, real, checkpoint.tensors)
            distance = frechet_distance(efficientnet_lite0.features(generated), real_features)
            report(distance, checkpoint.step * config.batch_size)

    gan_loop.train(config, data.images, data.labels, data.classes, World(), Frechet(stops))


def _generated(config: GanConfig, real: TrialData, tensors: Mapping[str, torch.Tensor]) -> NDArray[np.uint8]:
    """As many generated images as there are real ones, of each class if the generator knows classes."""
    labelled = config.conditioning is not Conditioning.UNCONDITIONAL
    record = ModelVersion(
        name="a trial's generator",
        kind=ModelKind.MODEL_KIND_GAN,
        classes=real.classes if labelled else (),
        preset=config.preset,
        image_size=config.image_size,
    )
    record.config.update(config.to_json())
    generators = sampling.from_tensors(record, tensors)
    counts = {name: int(np.sum(real.labels == number)) for number, name in enumerate(real.classes)}
    wanted = counts if labelled else {"": len(real.labels)}
    seed = derive_seed(config.seed, "generated")
    return np.concatenate(
        [batch for label, count in wanted.items() for batch in sampling.sample(generators, label, count, seed)]
    )
