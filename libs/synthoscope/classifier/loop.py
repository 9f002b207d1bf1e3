"""Trains a classifier, with early stopping on held-out images (first seed paper, section "CNN").

Every random number comes from a generator made for its epoch or step; batches, changes of images and dropout are drawn
for the global batch and then sliced. So a run gives the same weights whether it is interrupted or not, and the same
losses, within rounding, at any number of workers, unless the network has batch norms: each worker's see its share only.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthoscope.classifier import order
from synthoscope.classifier.config import ClassifierConfig
from synthoscope.classifier.data import LabelledPixels, TrainingData
from synthoscope.classifier.fixed_features import fixed_features
from synthoscope.classifier.inputs import FixedInputs, Inputs, Mixing, PixelInputs, neighbours
from synthoscope.classifier.networks import Network
from synthoscope.classifier.networks.network import dropout_masks
from synthoscope.classifier.networks.transfer import TransferNetwork
from synthoscope.classifier.objectives import Objective
from synthoscope.classifier.optimisation import is_frozen, prepare, running_statistics
from synthoscope.classifier.state import TrainingState, network_of
from synthoscope.datasets.cache import PixelCache
from synthoscope.rpc.errors import Cancelled, FailedPrecondition
from synthoscope.training.callbacks import Checkpoint, LoopCallbacks, NoCallbacks, Report
from synthoscope.training.parallel import World
from synthoscope.training.precision import lower_precision
from synthoscope.training.randomness import torch_generator

CPU = torch.device("cpu")
VALIDATION_BATCH = 128

Initialise = Callable[[Network], None]
"""Gives a new network the weights that it starts from."""


@dataclass(frozen=True)
class Surroundings:
    """Where a run takes place: its worker, whom it tells, its device, the cache for what a frozen backbone makes."""

    world: World = field(default_factory=World)
    callbacks: LoopCallbacks = field(default_factory=NoCallbacks)
    device: torch.device = CPU
    cache: PixelCache | None = None


def train(
    config: ClassifierConfig,
    data: TrainingData,
    objective: Objective,
    surroundings: Surroundings = Surroundings(),
    resume: Checkpoint | None = None,
    initialise: Initialise = lambda _: None,
) -> Checkpoint:
    """Trains until the epochs are over or the validation loss has stopped falling; returns the final checkpoint.

    `classifier.state.best_weights` and `curves_of` read it. Curves, one value per epoch: training_loss and
    training_accuracy (with augmentation and dropout on), validation_loss, validation_accuracy, validation_macro_f1,
    learning_rate. They are also what is reported after every epoch, with a checkpoint; the final one comes last. Steps
    in between are reported without metrics.

    Raises FailedPrecondition when there are fewer training images than a batch, or when the loss is no longer a number;
    Cancelled within a step after `should_stop`; DataLoss when `resume` does not fit; what `initialise` raises.
    """
    steps = order.steps_of(config, len(data.training))
    network = network_of(config, len(objective.outputs))
    if resume is None:
        initialise(network)
    state = TrainingState.fresh(config, network.to(surroundings.device))
    if resume is not None:
        state.restore(resume)
    compiled: Network = network
    if config.compile and not config.features_are_fixed:
        compiled = torch.compile(network)  # type: ignore[assignment]
    inputs = _inputs(config, data, network, surroundings)
    run = _Run(config, data, objective, surroundings, state, compiled, *inputs)
    while state.epoch == 0 or not state.schedule.stops(config, state.epoch):
        metrics = run.train_epoch(steps) | run.validate()
        state.epoch += 1
        state.extend_curves(metrics | {"learning_rate": state.schedule.learning_rate})
        state.follow(state.schedule.after(state.epoch, metrics["validation_loss"], config))
        run.report(steps, {name: values[-1] for name, values in state.curves.items()})
        if surroundings.world.is_first:
            surroundings.callbacks.on_checkpoint(state.checkpoint())
    return state.checkpoint()


def _inputs(
    config: ClassifierConfig, data: TrainingData, network: Network, surroundings: Surroundings
) -> tuple[Inputs, Inputs]:
    """The inputs of training and of validation."""
    device = surroundings.device
    parts = [PixelInputs(part.images, data.pipeline, config, device) for part in (data.training, data.validation)]
    if not (config.features_are_fixed and isinstance(network, TransferNetwork)):
        return parts[0], parts[1]
    training, validation = (fixed_features(network, part, surroundings.cache) for part in parts)
    return FixedInputs(training, device), FixedInputs(validation, device)


@dataclass(frozen=True)
class _Run:
    config: ClassifierConfig
    data: TrainingData
    objective: Objective
    surroundings: Surroundings
    state: TrainingState
    trained: Network
    """The state's network, translated if that was asked for."""
    training: Inputs
    validation: Inputs

    def train_epoch(self, steps: int) -> dict[str, float]:
        """One epoch; the means over its steps."""
        prepare(self.state.network, frozen=is_frozen(self.config, self.state.epoch))
        totals = {"training_loss": 0.0, "training_accuracy": 0.0}
        for rows in order.batches(self.config, self.data.training.labels, self.state.epoch):
            for name, value in self.train_step(rows).items():
                totals[name] += value / steps
            self.report(steps)
        for statistics in running_statistics(self.state.network):
            self.surroundings.world.average_tensors([statistics])
        return totals

    def train_step(self, rows: NDArray[np.int64]) -> dict[str, float]:
        """One step on the images at these rows of the training data."""
        self._stop_if_asked()
        config, state, world = self.config, self.state, self.surroundings.world
        share = world.slice(config.batch_size)
        mixing = Mixing.of_step(config, state.step)
        inputs = mixing.inputs(self.training.changed(rows, share, state.step))
        labels = self._labels(self.data.training, rows[share])
        with lower_precision(self.surroundings.device, config.mixed_precision):
            logits = self.training.logits(self.trained, inputs, self._dropout(share))
        losses = self.objective.losses(logits.float(), labels, config.label_smoothing)
        if mixing.share != 1.0:
            others = self.objective.losses(logits.float(), neighbours(labels), config.label_smoothing)
            losses = mixing.losses(losses, others)
        loss = losses.mean()
        accuracy = self.objective.correct(logits, labels).mean()
        means = world.average({"training_loss": loss, "training_accuracy": accuracy})
        # The mean is the same on every worker, so all of them stop together.
        if not math.isfinite(means["training_loss"]):
            raise FailedPrecondition(
                f"the training loss became {means['training_loss']} at step {state.step}; use a smaller learning_rate"
            )
        state.optimiser.zero_grad()
        torch.autograd.backward(loss)
        world.average_gradients(state.network.parameters())
        state.optimiser.step()
        state.stepped(config.batch_size)
        return means

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Loss, accuracy and macro F1 on the validation images, each worker measuring its share of every batch."""
        validation, world = self.data.validation, self.surroundings.world
        network = self.state.published.eval()
        logits = np.zeros((len(validation), len(self.objective.outputs)), np.float32)
        for start in range(0, len(validation), VALIDATION_BATCH):
            self._stop_if_asked()
            rows = np.arange(start, min(start + VALIDATION_BATCH, len(validation)))[world.rank :: world.size]
            if len(rows):
                logits[rows] = self.validation.logits(network, self.validation.plain(rows)).cpu().numpy()
        whole = torch.from_numpy(logits) * world.size
        world.average_tensors([whole])
        labels = torch.from_numpy(validation.labels)
        loss = float(self.objective.losses(whole, labels).mean())
        if not math.isfinite(loss):
            raise FailedPrecondition(f"the validation loss became {loss}; use a smaller learning_rate")
        return {
            "validation_loss": loss,
            "validation_accuracy": float(self.objective.correct(whole, labels).mean()),
            "validation_macro_f1": self.objective.macro_f1(whole.numpy(), validation.labels),
        }

    def report(self, steps_per_epoch: int, metrics: Mapping[str, float] = MappingProxyType({})) -> None:
        """Tells where the run stands, and an epoch's metrics after it."""
        if self.surroundings.world.is_first:
            total = self.config.epochs * steps_per_epoch
            report = Report(self.state.step, total, self.state.images_seen, metrics)
            self.surroundings.callbacks.on_report(report)

    def _dropout(self, share: slice) -> list[Tensor]:
        generator = torch_generator(self.config.seed, "dropout", self.state.step)
        units = self.state.network.dropout_units
        masks = dropout_masks(self.config.dropout, self.config.batch_size, units, generator)
        return [mask[share].to(self.surroundings.device) for mask in masks]

    def _stop_if_asked(self) -> None:
        if self.surroundings.world.any(self.surroundings.callbacks.should_stop()):
            raise Cancelled("the training was cancelled")

    def _labels(self, part: LabelledPixels, rows: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(part.labels[rows]).to(self.surroundings.device)
