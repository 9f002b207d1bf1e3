"""Cutting the border off: letters, collimators and cassettes lie there, and may tell more of the hospital than of the
patient.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synthoscope.api.images.v1 import preprocessing_pb2
from synthoscope.images.placement import Picture
from synthoscope.images.steps.step import within

LEAST, MOST = 0.01, 0.8


@dataclass(frozen=True)
class CentreCrop:
    """Keeps the centre: `share` of the width, and of the height, is cut off, half of it on either side."""

    kind: ClassVar[str] = "centre_crop"
    share: float

    @classmethod
    def from_message(cls, message: preprocessing_pb2.CentreCrop, field: str) -> "CentreCrop":
        """The step of a message. Raises InvalidInput, naming the field below `field`."""
        within(message.share, LEAST, MOST, f"{field}.share")
        return cls(message.share)

    def to_message(self) -> preprocessing_pb2.CentreCrop:
        """The step's message."""
        return preprocessing_pb2.CentreCrop(share=self.share)

    def apply(self, picture: Picture) -> Picture:
        """The picture's centre; at least one pixel of it."""
        height, width = picture.pixels.shape[:2]
        top, left = (int(side * self.share / 2) for side in (height, width))
        kept = np.ascontiguousarray(picture.pixels[top : height - top, left : width - left])
        return Picture(kept, picture.placement.cropped(left, top, width - left, height - top))
