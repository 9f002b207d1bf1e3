"""Trains a classifier: Adam on categorical cross-entropy, with early stopping (first seed paper, section "CNN").

Every random number comes from a generator made for its epoch or step; batches, changes of images and dropout are drawn
for the global batch and then sliced. So a run gives the same weights whether it is interrupted or not, and the same
losses, within rounding, at any number of workers.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from synthoscope.classifier.config import ClassifierConfig
from synthoscope.classifier.data import LabelledPixels, TrainingData
from synthoscope.classifier.networks import dropout_mask, to_input
from synthoscope.classifier.state import TrainingState
from synthoscope.images.augmenting import apply_changes, draw_changes
from synthoscope.metrics.classification import macro_f1
from synthoscope.rpc.errors import Cancelled, FailedPrecondition
from synthoscope.training.callbacks import Checkpoint, LoopCallbacks, Report
from synthoscope.training.parallel import World
from synthoscope.training.randomness import torch_generator

CPU = torch.device("cpu")
VALIDATION_BATCH = 128


def train(
    config: ClassifierConfig,
    data: TrainingData,
    classes: int,
    world: World,
    callbacks: LoopCallbacks,
    resume: Checkpoint | None = None,
    device: torch.device = CPU,
) -> Checkpoint:
    """Trains until the epochs are over or the validation loss has stopped falling; returns the final checkpoint.

    `classifier.state.best_weights` and `curves_of` read it. Curves, one value per epoch: training_loss and
    training_accuracy (with augmentation and dropout on), validation_loss, validation_accuracy, validation_macro_f1,
    learning_rate. They are also what is reported after every epoch, with a checkpoint; the final one comes last. The
    order is new in every epoch, and what does not fill a batch at its end is left out.

    Raises FailedPrecondition when there are fewer training images than a batch, or when the loss is no longer a number;
    Cancelled within a step after `should_stop`; DataLoss when `resume` does not fit.
    """
    steps_per_epoch = len(data.training) // config.batch_size
    if steps_per_epoch == 0:
        raise FailedPrecondition(
            f"{len(data.training)} training images are fewer than a batch of {config.batch_size}; "
            "use a smaller batch_size"
        )
    run = _Run(config, data, classes, world, callbacks, device, TrainingState.fresh(config, classes, device))
    state = run.state
    if resume is not None:
        state.restore(resume)
    while state.epoch == 0 or not state.schedule.stops(config, state.epoch):
        metrics = run.train_epoch(steps_per_epoch) | run.validate()
        state.epoch += 1
        state.extend_curves(metrics | {"learning_rate": state.schedule.learning_rate})
        state.follow(state.schedule.after(state.epoch, metrics["validation_loss"], config.plateau_patience))
        if world.is_first:
            callbacks.on_report(run.report(steps_per_epoch))
            callbacks.on_checkpoint(state.checkpoint())
    return state.checkpoint()


@dataclass(frozen=True)
class _Run:
    config: ClassifierConfig
    data: TrainingData
    classes: int
    world: World
    callbacks: LoopCallbacks
    device: torch.device
    state: TrainingState

    def train_epoch(self, steps: int) -> dict[str, float]:
        """One pass over the training images; the means over its steps."""
        generator = torch_generator(self.config.seed, "order", self.state.epoch)
        order = torch.randperm(len(self.data.training), generator=generator).numpy()
        totals = {"training_loss": 0.0, "training_accuracy": 0.0}
        for batch in order[: steps * self.config.batch_size].reshape(steps, -1):
            for name, value in self.train_step(batch).items():
                totals[name] += value / steps
        return totals

    def train_step(self, batch: NDArray[np.int64]) -> dict[str, float]:
        """One step on the images at these positions of the training data."""
        self._stop_if_asked()
        config, state = self.config, self.state
        share = self.world.slice(config.batch_size)
        mine = self.data.training.take(batch[share])
        changes = draw_changes(
            config.augmentation, config.batch_size, torch_generator(config.seed, "augmentation", state.step)
        )
        images = self.data.pipeline.normalization.apply(apply_changes(self._pixels(mine), changes.part(share)))
        mask = dropout_mask(config.dropout, config.batch_size, torch_generator(config.seed, "dropout", state.step))
        labels = self._labels(mine)
        logits = state.network(images, mask[share].to(self.device))
        loss = F.cross_entropy(logits, labels)
        accuracy = (logits.argmax(1) == labels).float().mean()
        means = self.world.average({"training_loss": loss, "training_accuracy": accuracy})
        # The mean is the same on every worker, so all of them stop together.
        if not math.isfinite(means["training_loss"]):
            raise FailedPrecondition(
                f"the training loss became {means['training_loss']} at step {state.step}; use a smaller learning_rate"
            )
        state.optimiser.zero_grad()
        torch.autograd.backward(loss)
        self.world.average_gradients(state.network.parameters())
        state.optimiser.step()
        state.step += 1
        state.images_seen += config.batch_size
        return means

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Loss, accuracy and macro F1 on the validation images, each worker measuring its share of every batch."""
        validation = self.data.validation
        loss = torch.zeros((), device=self.device)
        confusion = np.zeros((self.classes, self.classes), np.int64)
        for start in range(0, len(validation), VALIDATION_BATCH):
            self._stop_if_asked()
            rows = np.arange(start, min(start + VALIDATION_BATCH, len(validation)))[self.world.rank :: self.world.size]
            if not len(rows):
                continue
            mine = validation.take(rows)
            logits = self.state.network(self.data.pipeline.normalization.apply(self._pixels(mine)))
            loss += F.cross_entropy(logits, self._labels(mine), reduction="sum")
            np.add.at(confusion, (mine.labels, logits.argmax(1).cpu().numpy()), 1)
        confusion, loss_sum = self._sum_over_workers(confusion, loss)
        if not math.isfinite(loss_sum):
            raise FailedPrecondition(f"the validation loss became {loss_sum}; use a smaller learning_rate")
        return {
            "validation_loss": loss_sum / len(validation),
            "validation_accuracy": float(np.trace(confusion) / len(validation)),
            "validation_macro_f1": macro_f1(confusion),
        }

    def report(self, steps_per_epoch: int) -> Report:
        """Where the run stands after an epoch."""
        latest = {name: values[-1] for name, values in self.state.curves.items()}
        return Report(self.state.step, self.config.epochs * steps_per_epoch, self.state.images_seen, latest)

    def _sum_over_workers(self, confusion: NDArray[np.int64], loss: Tensor) -> tuple[NDArray[np.int64], float]:
        cells = {f"cell{index}": torch.tensor(float(count)) for index, count in enumerate(confusion.ravel())}
        means = self.world.average({"loss": loss, **cells})
        counts = [round(means[name] * self.world.size) for name in cells]
        return np.array(counts, np.int64).reshape(confusion.shape), means["loss"] * self.world.size

    def _stop_if_asked(self) -> None:
        if self.world.any(self.callbacks.should_stop()):
            raise Cancelled("the training was cancelled")

    def _pixels(self, part: LabelledPixels) -> Tensor:
        return to_input(torch.from_numpy(part.images).to(self.device))

    def _labels(self, part: LabelledPixels) -> Tensor:
        return torch.from_numpy(part.labels).to(self.device)
