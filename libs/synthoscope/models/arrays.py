"""A model version's arrays, in the safetensors format, without torch."""

from typing import Any

import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from synthoscope.api.models.v1.models_pb2 import ModelVersion
from synthoscope.models.versions import read_file
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import DataLoss


def load_arrays(objects: ObjectStore, record: ModelVersion, path: str) -> dict[str, NDArray[Any]]:
    """The arrays of one of a version's files, by name.

    Raises NotFound when the version has no such file, DataLoss when its bytes are not those published or are not
    safetensors.
    """
    data = read_file(objects, record, path)
    try:
        return safetensors.numpy.load(data)
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise DataLoss(f"{path} of {record.name} is not a safetensors file") from error
