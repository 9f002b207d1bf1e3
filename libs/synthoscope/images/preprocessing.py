"""From a decoded image to what a network sees: one way, for training, serving and explaining."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from google.protobuf import json_format
from numpy.typing import NDArray

from synthoscope.api.images.v1.preprocessing_pb2 import Preprocessing, PreprocessingStep
from synthoscope.images.placement import Picture
from synthoscope.images.steps import contrast_adjustment
from synthoscope.images.steps.centre_crop import CentreCrop
from synthoscope.images.steps.color_conversion import ColorConversion
from synthoscope.images.steps.denoising import Denoising
from synthoscope.images.steps.margin_removal import MarginRemoval
from synthoscope.images.steps.normalization import Normalization
from synthoscope.images.steps.resizing import Resizing, resized
from synthoscope.images.steps.step import Step
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput

MOST_STEPS = 16

MOST_PIXELS = 1024 * 1024
"""What a step gets at most; a larger picture is shrunk first, so that time and memory of a diagnosis stay bounded."""

_READERS: Mapping[str, Callable[[Any, str], Any]] = {
    "margin_removal": MarginRemoval.from_message,
    "centre_crop": CentreCrop.from_message,
    "denoising": Denoising.from_message,
    "contrast": contrast_adjustment.from_message,
    "color": ColorConversion.from_message,
    "resizing": Resizing.from_message,
    "normalization": Normalization.from_message,
}
_LAST = ("resizing", "normalization")


@dataclass(frozen=True)
class Pipeline:
    """A checked Preprocessing: `steps` in their order, then the square, then the network's numbers."""

    steps: tuple[Step, ...] = ()
    resizing: Resizing = dataclasses.field(default_factory=Resizing)
    normalization: Normalization = dataclasses.field(default_factory=Normalization)

    @classmethod
    def from_message(cls, message: Preprocessing, field: str = "preprocessing") -> "Pipeline":
        """The pipeline of a message; an empty one squeezes to the network's square and scales to [0, 1].

        Raises InvalidInput, naming the field as a path below `field`.
        """
        kinds = _kinds(message.steps, f"{field}.steps")
        read = [
            (kind, _READERS[kind](getattr(step, kind), f"{field}.steps[{index}].{kind}"))
            for index, (kind, step) in enumerate(zip(kinds, message.steps, strict=True))
        ]
        steps = tuple(step for kind, step in read if kind not in _LAST)
        return cls(steps, **{kind: step for kind, step in read if kind in _LAST})

    def to_message(self) -> Preprocessing:
        """The pipeline's message, the same for equal pipelines, with no field left to a default.

        Before the size is known, a last step that does nothing but the default is left out: no preprocessing at all
        stays an empty message. With a size, both last steps are always there.
        """
        last: list[Resizing | Normalization] = [self.resizing, self.normalization]
        if not self.resizing.size:
            last = [step for step in last if step not in (Resizing(), Normalization())]
        return Preprocessing(steps=[_step_message(step) for step in (*self.steps, *last)])

    def sized(self, size: int) -> "Pipeline":
        """The pipeline for a network that takes `size` pixels a side.

        Raises FailedPrecondition when it was made for another size.
        """
        if self.resizing.size not in (0, size):
            raise FailedPrecondition(f"the preprocessing is for {self.resizing.size} pixels a side, not {size}")
        return replace(self, resizing=replace(self.resizing, size=size))

    def apply(self, pixels: NDArray[np.uint8]) -> Picture:
        """The square of an image uint8 H×W×3, uint8 S×S×3, and where it lies in the image.

        Normalisation is left to the network's input (`Normalization.apply`): it comes after augmentation. Raises
        ValueError before the size is known.
        """
        picture = Picture.original(pixels)
        if self.steps:
            picture = _bounded(picture)
        for step in self.steps:
            picture = step.apply(picture)
        return self.resizing.apply(picture)

    @property
    def only_squeezes(self) -> bool:
        """Whether `apply` does nothing but the default."""
        return not self.steps and not self.resizing.pad

    @cached_property
    def encoded(self) -> str:
        """The pipeline as text, for `decoded`."""
        return self.to_message().SerializeToString(deterministic=True).hex()

    @classmethod
    def decoded(cls, encoded: str) -> "Pipeline":
        """The pipeline that a text stands for. Raises as `from_message`, ValueError for what is none."""
        return cls.from_message(Preprocessing.FromString(bytes.fromhex(encoded)))

    @cached_property
    def digest(self) -> str:
        """16 hexadecimal digits that stand for what `apply` does; normalisation is no part of it."""
        message = replace(self, normalization=Normalization()).to_message()
        text = json.dumps(json_format.MessageToDict(message), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def for_dataset(message: Preprocessing | None, field: str = "preprocessing") -> Preprocessing | None:
    """The canonical form of what a dataset version is to keep: checked, defaults written out, None for the default.

    Raises InvalidInput, naming the field as a path below `field`, also when it fixes the size: the network decides it.
    """
    if message is None:
        return None
    pipeline = Pipeline.from_message(message, field)
    if pipeline.resizing.size:
        where = f"{field}.steps[{_kinds(message.steps, field).index('resizing')}].resizing.size"
        raise InvalidInput(where, "must be 0 in a dataset: the network decides it")
    return None if pipeline == Pipeline() else pipeline.to_message()


def preprocessing_from_json(data: bytes, field: str = "preprocessing") -> Preprocessing:
    """A dataset's preprocessing from protobuf's JSON, as `{"steps": [{"marginRemoval": {}}, …]}`, in canonical form.

    Raises InvalidInput, naming the field, with what is wrong and where.
    """
    if not data.lstrip().startswith(b"{"):  # protobuf's parser takes an empty list for an empty message
        raise InvalidInput(field, 'must be a JSON object, such as {"steps": [{"marginRemoval": {}}]}')
    try:
        message = json_format.Parse(data, Preprocessing())
    except (json_format.ParseError, UnicodeDecodeError) as error:
        raise InvalidInput(field, f"is not the JSON of a Preprocessing: {error}") from error
    return for_dataset(message, field) or Preprocessing()


def _kinds(steps: Sequence[PreprocessingStep], field: str) -> list[str]:
    """Which step each one is. Raises InvalidInput when one is none, when there are too many, or out of order."""
    if len(steps) > MOST_STEPS:
        raise InvalidInput(field, f"must be at most {MOST_STEPS} steps, not {len(steps)}")
    kinds: list[str] = []
    for index, step in enumerate(steps):
        kind = step.WhichOneof("step")
        if kind is None:
            raise InvalidInput(f"{field}[{index}]", f"must hold one of {', '.join(_READERS)}")
        if kinds and kinds[-1] in _LAST and (kinds[-1], kind) != _LAST:
            raise InvalidInput(
                f"{field}[{index - 1}].{kinds[-1]}", "must come at the end, once: resizing, then normalization"
            )
        kinds.append(kind)
    return kinds


def _step_message(step: Step | Normalization) -> PreprocessingStep:
    message = PreprocessingStep()
    getattr(message, step.kind).CopyFrom(step.to_message())
    return message


def _bounded(picture: Picture) -> Picture:
    height, width = picture.pixels.shape[:2]
    factor = math.sqrt(MOST_PIXELS / (height * width))
    if factor >= 1:
        return picture
    return resized(picture, max(1, int(height * factor)), max(1, int(width * factor)))
