"""The classifier versions that are asked for."""

from functools import lru_cache

from synthoscope import models, names
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import FailedPrecondition

_KNOWN = 256


class ClassifierVersions:
    """Classifier versions by name. They never change, so those seen are remembered.

    What `latest` and aliases stand for is looked up each time.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._known = lru_cache(_KNOWN)(lambda name: models.get(objects, name))

    def get(self, name: str) -> ModelVersion:
        """A classifier version. Raises InvalidInput or NotFound for the name, FailedPrecondition for another kind."""
        names.MODEL_VERSION.parse(name, "model_version")
        record = self._known(models.resolve(self._objects, name))
        if record.kind != ModelKind.MODEL_KIND_CLASSIFIER:
            raise FailedPrecondition(f"{record.name} is not a classifier: it gives no class probabilities")
        return record
