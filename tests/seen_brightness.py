"""A model that needs no training, in place of the one on Ray."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from synthoscope import models
from synthoscope.classifier.answering import Answer, Answering
from synthoscope.classifier.outputs import Outputs
from synthoscope.objects import ObjectStore

CLASSES = ("dark", "bright")


class SeenBrightness:
    """The probability of "bright" is the mean grey level; grey 7 is unlike the others.

    `calls` holds version and images of each call, `told` what replicas were told; a call waits for `go`, and raises
    `error`, of all versions or of those in `broken`.
    """

    replicas = 1

    def __init__(self, objects: ObjectStore) -> None:
        self.objects = objects
        self.calls: list[tuple[str, int]] = []
        self.told: list[tuple[str, str]] = []
        self.error: Exception | None = None
        self.broken: set[str] = set()
        self.go = threading.Event()
        self.go.set()

    async def answer(self, model_version: str, images: Sequence[NDArray[np.uint8]]) -> Sequence[Answer]:
        self.calls.append((model_version, len(images)))
        while not self.go.is_set():
            await asyncio.sleep(0.005)
        if self.error and (not self.broken or model_version in self.broken):
            raise self.error
        levels = np.array([image.mean() / 255 for image in images], np.float32)
        logits = np.log(np.stack([1 - levels, levels], axis=1) + 1e-20)
        said = Answering(models.get(self.objects, model_version)).answers(np.stack(images), Outputs(logits, logits))
        strangeness = np.where(np.isclose(levels, 7 / 255), np.float32(1.5), np.float32(0.5))
        return replace(said, strangeness=strangeness, refused=strangeness > 1).each()

    async def load(self, model_version: str) -> None:
        self.told.append(("load", model_version))

    async def forget(self, model_version: str) -> None:
        self.told.append(("forget", model_version))
