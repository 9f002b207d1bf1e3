"""The classifier versions that can be asked, and the way to ask them."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.classification.batching import BatchingSettings, MicroBatcher
from synthoscope import models, names
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.classifier.answering import Answer
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import FailedPrecondition

Pixels = NDArray[np.uint8]

_KNOWN = 256


class Model(Protocol):
    """The models, wherever they run. Every method raises SynthoscopeErrors."""

    async def answer(self, model_version: str, images: Sequence[Pixels]) -> Sequence[Answer]:
        """The answer to each image, uint8 S×S×3."""

    async def load(self, model_version: str) -> None:
        """Has every replica load a version."""

    async def forget(self, model_version: str) -> None:
        """Has every replica forget a version, which is loaded again when it is asked."""


class Classifiers:
    """Classifier versions, asked in batches."""

    def __init__(self, objects: ObjectStore, model: Model, batching: BatchingSettings | None = None) -> None:
        self.model = model
        self._objects = objects
        self._batcher = MicroBatcher(model.answer, batching or BatchingSettings())
        # Versions never change, so those seen are remembered. What `latest` and aliases stand for is looked up.
        self._known = lru_cache(_KNOWN)(lambda name: models.get(objects, name))

    def get(self, name: str) -> ModelVersion:
        """A classifier version. Raises InvalidInput or NotFound for the name, FailedPrecondition for another kind."""
        names.MODEL_VERSION.parse(name, "model_version")
        record = self._known(models.resolve(self._objects, name))
        if record.kind != ModelKind.MODEL_KIND_CLASSIFIER:
            raise FailedPrecondition(f"{record.name} is not a classifier: it gives no class probabilities")
        return record

    def check_room(self) -> None:
        """Raises ResourceExhausted, saying when to try again, while too many images wait: ask before costly work."""
        self._batcher.check_room()

    async def answer(self, version: ModelVersion, image: Pixels) -> Answer:
        """The answer to an image, uint8 S×S×3, as the version's preprocessing makes it. Raises as `Model.answer`."""
        return await self._batcher.submit(version.name, image)
