"""When to stop and when to slow down: early stopping and learning-rate reduction on a plateau, as one pure state.

Both follow Keras's callbacks, which the first seed paper uses (EarlyStopping with patience 10, ReduceLROnPlateau).
"""

from dataclasses import dataclass, replace

from synthoscope.classifier.config import ClassifierConfig

PLATEAU_FACTOR = 0.3
SMALLEST_LEARNING_RATE = 1e-6
"""The paper does not print by how much the rate is reduced, nor to what: these are ours."""


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

    def after(self, epoch: int, validation_loss: float, plateau_patience: int) -> "Schedule":
        """The state after an epoch, counted from 1, with this validation loss."""
        if self.best_loss is None or validation_loss < self.best_loss:
            return replace(self, best_loss=validation_loss, best_epoch=epoch, epochs_since_best=0, epochs_on_plateau=0)
        waited = replace(
            self, epochs_since_best=self.epochs_since_best + 1, epochs_on_plateau=self.epochs_on_plateau + 1
        )
        if waited.epochs_on_plateau < plateau_patience:
            return waited
        slower = max(self.learning_rate * PLATEAU_FACTOR, SMALLEST_LEARNING_RATE)
        return replace(waited, learning_rate=slower, epochs_on_plateau=0)

    def stops(self, config: ClassifierConfig, epoch: int) -> bool:
        """Whether training ends after this epoch."""
        return epoch >= config.epochs or self.epochs_since_best >= config.early_stopping_patience
