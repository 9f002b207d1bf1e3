"""How a model version's input is made."""

from synthoscope.api.models.v1.models_pb2 import ModelVersion
from synthoscope.images.preprocessing import Pipeline


def pipeline_of(record: ModelVersion) -> Pipeline:
    """The pipeline of a model version, for its size; of one from before this was recorded, the default.

    Raises InvalidInput or FailedPrecondition when the record holds one that is not known here, or is of another size.
    """
    return Pipeline.from_message(record.preprocessing).sized(record.image_size)
