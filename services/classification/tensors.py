"""Tensors of the Open Inference Protocol, typed and raw, as arrays.

Raw contents are little-endian, row by row; each element of BYTES comes after its length in four bytes.
"""

import struct
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthoscope.api.inference.v2.open_inference_service_pb2 import (
    InferTensorContents,
    ModelInferRequest,
    ModelInferResponse,
)
from synthoscope.rpc.errors import InvalidInput
from synthoscope.rpc.settings import LARGEST_REQUEST

Tensor = NDArray[Any]

_MOST_DIMENSIONS = 4
_NUMBERS = {"UINT8": "<u1", "FP32": "<f4", "BOOL": "|b1"}
_TYPED = {"UINT8": "uint_contents", "FP32": "fp32_contents", "BOOL": "bool_contents", "BYTES": "bytes_contents"}


def read(request: ModelInferRequest, index: int) -> Tensor:
    """One of a request's inputs: UINT8, FP32, or BYTES as an array of objects.

    Raises InvalidInput, naming its field, for another datatype, or contents that are not as its shape says.
    """
    tensor, field = request.inputs[index], f"inputs[{index}]"
    if tensor.datatype not in ("UINT8", "FP32", "BYTES"):
        raise InvalidInput(f"{field}.datatype", "must be UINT8, FP32 or BYTES")
    if len(tensor.shape) > _MOST_DIMENSIONS or any(not 0 <= size <= LARGEST_REQUEST for size in tensor.shape):
        raise InvalidInput(f"{field}.shape", f"must be at most {_MOST_DIMENSIONS} sizes that are not negative")
    typed = getattr(tensor.contents, _TYPED[tensor.datatype])
    if request.raw_input_contents:
        if len(request.raw_input_contents) != len(request.inputs) or tensor.HasField("contents"):
            raise InvalidInput("raw_input_contents", "must hold every input, and none may have contents besides")
        elements = _from_raw(request.raw_input_contents[index], tensor.datatype, f"raw_input_contents[{index}]")
    elif tensor.datatype == "UINT8" and any(value > 255 for value in typed):
        raise InvalidInput(f"{field}.contents", "must be in [0, 255]")
    elif tensor.datatype == "BYTES":
        elements = _objects(list(typed))
    else:
        elements = np.array(typed, _NUMBERS[tensor.datatype])
    if len(elements) != prod(tensor.shape):
        raise InvalidInput(
            f"{field}.shape", f"says {list(tensor.shape)}, {prod(tensor.shape)} elements; there are {len(elements)}"
        )
    return elements.reshape(tuple(tensor.shape))


def write(response: ModelInferResponse, name: str, datatype: str, values: Tensor, *, raw: bool) -> None:
    """Adds an output: FP32, BOOL, or BYTES from an array of objects."""
    output = response.outputs.add(name=name, datatype=datatype, shape=values.shape)
    if raw:
        response.raw_output_contents.append(_to_raw(values, datatype))
    else:
        output.contents.CopyFrom(InferTensorContents(**{_TYPED[datatype]: values.ravel().tolist()}))


def texts(values: Sequence[str]) -> Tensor:
    """Texts as BYTES."""
    return _objects([value.encode() for value in values])


def _objects(values: Sequence[bytes]) -> Tensor:
    found = np.empty(len(values), object)
    found[:] = values
    return found


def _from_raw(data: bytes, datatype: str, field: str) -> Tensor:
    if datatype == "BYTES":
        return _objects(_elements(data, field))
    kind = np.dtype(_NUMBERS[datatype])
    if len(data) % kind.itemsize:
        raise InvalidInput(field, f"has {len(data)} bytes, which are no whole number of {datatype}")
    return np.frombuffer(data, kind)


def _elements(data: bytes, field: str) -> list[bytes]:
    found, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        if at + 4 + size > len(data):
            raise InvalidInput(field, "ends within an element: each comes after its length in four bytes")
        found.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def _to_raw(values: Tensor, datatype: str) -> bytes:
    if datatype == "BYTES":
        return b"".join(struct.pack("<I", len(value)) + value for value in values.ravel())
    return np.ascontiguousarray(values.astype(_NUMBERS[datatype])).tobytes()
