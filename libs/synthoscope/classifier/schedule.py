"""When to stop and when to slow down: early stopping and the learning rate, as one pure state.

Early stopping and the reduction on a plateau follow Keras's callbacks, which the first seed paper uses (EarlyStopping
with patience 10, ReduceLROnPlateau); the cosine is that of Loshchilov & Hutter 2017, without restarts.
"""

import math
from dataclasses import dataclass, replace

from synthoscope.classifier.config import ClassifierConfig, LearningRateSchedule

PLATEAU_FACTOR = 0.3
SMALLEST_LEARNING_RATE = 1e-6
"""The paper does not print by how much the rate is reduced, nor to what: these are ours."""

COSINE_END = 0.01
"""The last epoch's rate, as a share of the first one's."""


@dataclass(frozen=True)
class Schedule:
    """Where training stands after some epochs: the rate of the next epoch, and the best validation loss so far.

    `best_epoch` counts from 1; 0 means that no epoch has ended. The two counters are epochs without a better loss:
    since the best one, and since that or the last reduction of the rate.
    """

    learning_rate: float
    best_loss: float | None = None
    best_epoch: int = 0
    epochs_since_best: int = 0
    epochs_on_plateau: int = 0

    def after(self, epoch: int, validation_loss: float, config: ClassifierConfig) -> "Schedule":
        """The state after an epoch, counted from 1, with this validation loss."""
        if self.best_loss is None or validation_loss < self.best_loss:
            state = replace(self, best_loss=validation_loss, best_epoch=epoch, epochs_since_best=0, epochs_on_plateau=0)
        else:
            state = replace(
                self, epochs_since_best=self.epochs_since_best + 1, epochs_on_plateau=self.epochs_on_plateau + 1
            )
        match config.schedule:
            case LearningRateSchedule.PLATEAU if state.epochs_on_plateau >= config.plateau_patience:
                slower = max(self.learning_rate * PLATEAU_FACTOR, SMALLEST_LEARNING_RATE)
                return replace(state, learning_rate=slower, epochs_on_plateau=0)
            case LearningRateSchedule.COSINE:
                return replace(state, learning_rate=config.learning_rate * _cosine(epoch, config.epochs))
        return state

    def stops(self, config: ClassifierConfig, epoch: int) -> bool:
        """Whether training ends after this epoch."""
        return epoch >= config.epochs or self.epochs_since_best >= config.early_stopping_patience


def _cosine(epochs_done: int, epochs: int) -> float:
    """The next epoch's rate as a share of the first one's."""
    progress = min(1.0, epochs_done / max(1, epochs - 1))
    return COSINE_END + (1 - COSINE_END) * (1 + math.cos(math.pi * progress)) / 2
