"""From 8-bit values to the network's numbers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from synthoscope.api.images.v1 import preprocessing_pb2
from synthoscope.images.steps.step import within

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Normalization:
    """(value / 255 - mean) / deviation, the same for all channels; by default value / 255."""

    kind: ClassVar[str] = "normalization"
    mean: float = 0.0
    deviation: float = 1.0

    @classmethod
    def from_message(cls, message: preprocessing_pb2.Normalization, field: str) -> "Normalization":
        """The step of a message. Raises InvalidInput, naming the field below `field`."""
        within(message.mean, -10, 10, f"{field}.mean")
        deviation = message.deviation or 1.0
        within(deviation, 0.001, 10, f"{field}.deviation", default=1)
        return cls(message.mean, deviation)

    def to_message(self) -> preprocessing_pb2.Normalization:
        """The step's message."""
        return preprocessing_pb2.Normalization(mean=self.mean, deviation=self.deviation)

    def apply(self, images: "Tensor") -> "Tensor":
        """Images in [0, 1], as augmentation leaves them, in the network's numbers; float32, any shape."""
        return images if self == Normalization() else (images - self.mean) / self.deviation
