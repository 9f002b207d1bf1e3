"""What every step is, and the checks that they share."""

from typing import ClassVar, Protocol

from google.protobuf.message import Message

from synthoscope.images.placement import Picture
from synthoscope.rpc.errors import InvalidInput


class Step(Protocol):
    """One step: a value that says what is done, and does it; `kind` is its field in PreprocessingStep."""

    kind: ClassVar[str]

    def apply(self, picture: Picture) -> Picture:
        """The picture after the step; the one given is left as it is."""

    def to_message(self) -> Message:
        """The step's message, with no default left out."""


def within(value: float, low: float, high: float, field: str, default: float | None = None) -> None:
    """Raises InvalidInput, naming `field`, unless `value` is in [low, high]; NaN is not."""
    if not low <= value <= high:
        note = "" if default is None else f"; 0 means {default:g}"
        raise InvalidInput(field, f"must be in [{low:g}, {high:g}]{note}")


def unset(value: float, field: str, needed: str) -> None:
    """Raises InvalidInput, naming `field`, when a value is set that only another method takes."""
    if value:
        raise InvalidInput(field, f"is only for {needed}")
