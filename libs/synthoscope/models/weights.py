"""A model version's weights: named tensors in the safetensors format, never a pickle."""

from collections.abc import Mapping

import safetensors
import safetensors.torch
from torch import Tensor

from synthoscope.api.models.v1.models_pb2 import ModelVersion
from synthoscope.models.versions import WEIGHTS, read_file
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import DataLoss

__all__ = ["WEIGHTS", "dump_weights", "load_weights"]


def dump_weights(tensors: Mapping[str, Tensor]) -> bytes:
    """Named tensors as safetensors; the same tensors give the same bytes."""
    copies = {name: tensors[name].detach().cpu().contiguous().clone() for name in sorted(tensors)}
    return safetensors.torch.save(copies)


def load_weights(objects: ObjectStore, record: ModelVersion, path: str = WEIGHTS) -> dict[str, Tensor]:
    """The tensors of one of a version's weight files, on the CPU.

    Raises NotFound when the version has no such file, DataLoss when its bytes are not those published or are not
    safetensors.
    """
    data = read_file(objects, record, path)
    try:
        return safetensors.torch.load(data)
    except (safetensors.SafetensorError, ValueError) as error:
        raise DataLoss(f"{path} of {record.name} is not a safetensors file") from error
