"""How a classifier is trained. No torch."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from synthoscope.images.augmentation import Augmentation


class Optimizer(StrEnum):
    """What moves the weights."""

    ADAM = "adam"
    ADAMW = "adamw"
    SGD = "sgd"
    RMSPROP = "rmsprop"


class LearningRateSchedule(StrEnum):
    """How the learning rate changes."""

    PLATEAU = "plateau"
    COSINE = "cosine"
    CONSTANT = "constant"


class Balance(StrEnum):
    """How classes of different sizes count."""

    NONE = "none"
    WEIGHTED_LOSS = "weighted_loss"
    SAMPLING = "sampling"


class Head(StrEnum):
    """What a transfer network has above its backbone."""

    FLATTENED = "flattened"
    POOLED = "pooled"


class Output(StrEnum):
    """How the outputs are to be read: as one of the classes, or as any number of findings."""

    SOFTMAX = "softmax"
    FINDINGS = "findings"


ALL_EPOCHS = -1
"""Of `frozen_epochs`: the backbone is never trained."""

NO_AUGMENTATION = Augmentation(0, 0, 0, 0, 0)

TRANSFER_PRESETS = frozenset(
    {"efficientnet-lite0", "vgg16", "resnet50", "densenet201", "inceptionv3", "xception", "efficientnet-b0"}
)
"""Networks with a backbone that has weights of its own, and may be frozen."""


@dataclass(frozen=True)
class ClassifierConfig:
    """A checked training configuration (the message ClassifierTrainingConfig gives ranges and units).

    The defaults are those of the first seed paper's network, where it prints them.
    """

    preset: str
    image_size: int
    epochs: int = 40
    batch_size: int = 32
    seed: int = 0
    workers: int = 1
    validation_fraction: float = 0.1
    output: Output = Output.SOFTMAX
    no_finding: str = ""

    optimizer: Optimizer = Optimizer.ADAM
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    schedule: LearningRateSchedule = LearningRateSchedule.PLATEAU
    plateau_patience: int = 5
    early_stopping_patience: int = 10
    steps_per_epoch: int = 0

    dropout: float = 0.5
    augmentation: Augmentation = field(default_factory=Augmentation)
    evaluation_crop: float = 0.0
    robustness_images: int = 300
    label_smoothing: float = 0.0
    mixup: float = 0.0
    ema_decay: float = 0.0
    class_balance: Balance = Balance.NONE

    operating_label: str = ""
    operating_sensitivity: float = 0.0

    weights: str = "none"
    frozen_epochs: int = 0
    backbone_rate: float = 1.0
    head: Head = Head.POOLED

    mixed_precision: bool = False
    compile: bool = False

    @property
    def is_transfer(self) -> bool:
        """Whether the network has a backbone with weights of its own."""
        return self.preset in TRANSFER_PRESETS

    @property
    def features_are_fixed(self) -> bool:
        """Whether what the backbone makes of each image is the same in every epoch."""
        return self.frozen_epochs == ALL_EPOCHS and self.augmentation == NO_AUGMENTATION and not self.mixup

    def to_json(self) -> dict[str, Any]:
        """The whole configuration as JSON; the seed as a string, since JSON numbers are exact only up to 2^53."""
        return {**asdict(self), "seed": str(self.seed)}
