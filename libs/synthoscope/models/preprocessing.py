"""How a model version's input is made."""

from functools import lru_cache

from synthoscope.api.images.v1.preprocessing_pb2 import Preprocessing
from synthoscope.api.models.v1.models_pb2 import ModelVersion
from synthoscope.images.preprocessing import Pipeline


def pipeline_of(record: ModelVersion) -> Pipeline:
    """The pipeline of a model version, for its size; of one from before this was recorded, the default.

    Raises InvalidInput or FailedPrecondition when the record holds one that is not known here, or is of another size.
    """
    return _pipeline(record.preprocessing.SerializeToString(deterministic=True), record.image_size)


@lru_cache(256)
def _pipeline(message: bytes, size: int) -> Pipeline:
    return Pipeline.from_message(Preprocessing.FromString(message)).sized(size)
