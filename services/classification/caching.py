"""Answers kept for images that come again. In this process's memory: it can never fill what jobs need."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from prometheus_client import Counter
from pydantic import BaseModel, ConfigDict, Field

from synthoscope.classifier.answering import Answer

LOOKUPS = Counter("synthoscope_diagnosis_cache_lookups_total", "Images looked for among kept answers.", ("found",))


class CachingSettings(BaseModel):
    """How many answers are kept, and for how long."""

    model_config = ConfigDict(frozen=True)

    answers: int = Field(default=0, ge=0)
    """At most, of all models together; 0 keeps none. One takes about a kilobyte."""
    seconds: float = Field(default=3600, gt=0)


class AnswerCache:
    """The answers asked for last, by model version and image. For use in one event loop."""

    def __init__(self, settings: CachingSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._kept: OrderedDict[tuple[str, bytes], tuple[Answer, float]] = OrderedDict()

    def key(self, version: str, image: NDArray[np.uint8]) -> tuple[str, bytes]:
        """What an image uint8 S×S×3 is kept under for a version."""
        return version, hashlib.sha256(image.tobytes()).digest() if self._settings.answers else b""

    def find(self, key: tuple[str, bytes]) -> Answer | None:
        """The answer that is kept, if it is not too old."""
        if not self._settings.answers:
            return None
        answer, since = self._kept.get(key, (None, 0.0))
        found = answer is not None and self._clock() - since < self._settings.seconds
        LOOKUPS.labels(str(found).lower()).inc()
        if not found:
            return None
        self._kept.move_to_end(key)
        return answer

    def keep(self, key: tuple[str, bytes], answer: Answer) -> None:
        """Keeps an answer in place of the one that was asked for longest ago."""
        if not self._settings.answers:
            return
        self._kept[key] = answer, self._clock()
        self._kept.move_to_end(key)
        if len(self._kept) > self._settings.answers:
            self._kept.popitem(last=False)
