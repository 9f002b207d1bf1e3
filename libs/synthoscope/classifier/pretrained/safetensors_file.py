"""Whether a file that somebody has sent is safetensors with usable values. Needs no torch, and little memory.

The format (https://github.com/huggingface/safetensors): the length of the header, 8 bytes little endian; the header, a
JSON object of each tensor's dtype, shape and place; the tensors' bytes, with neither gaps nor overlaps.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from numpy.typing import NDArray

from synthoscope.rpc.errors import InvalidInput

LARGEST_HEADER = 4 << 20
"""Bytes: some 30,000 tensors. The format allows 100 MB, which would take some GB to read."""

BEGINNING = 8
"""Bytes that `check_beginning` looks at."""

_VALUES_AT_A_TIME = 1 << 22

_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04")
"""How pickles begin, and the zips that torch.save puts them in."""

_DTYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": np.uint16, "I64": np.int64}
"""What weights and counters of steps may have; NumPy has no bfloat16, so its bits are looked at."""

_BF16_EXPONENT = 0x7F80


def check_beginning(data: bytes, field: str) -> None:
    """Raises InvalidInput, naming `field`, unless a file's first 8 bytes may be those of a safetensors file."""
    header = int.from_bytes(data[:BEGINNING], "little")
    if len(data) == BEGINNING and header <= LARGEST_HEADER:
        return
    if data.startswith(_PICKLES):
        raise InvalidInput(
            field,
            "is a pickle (.pt, .pth), which can run code, so only safetensors files are taken; turn it into one: "
            "synthoscope classifier weights convert FILE.pth FILE.safetensors",
        )
    raise InvalidInput(
        field,
        f"is not a safetensors file with a header of at most {LARGEST_HEADER} bytes; safetensors.torch.save_file "
        "writes one",
    )


def check_file(path: Path, field: str) -> int:
    """The number of tensors in a safetensors file, every byte of which was looked at.

    Raises InvalidInput, naming `field` and the tensor, when header, offsets or length are wrong, when it has no
    tensors, dtypes other than float64, float32, float16, bfloat16 and int64, or values that are not finite.
    """
    with path.open("rb") as file:
        beginning = file.read(BEGINNING)
        check_beginning(beginning, field)
        header = file.read(int.from_bytes(beginning, "little"))
    try:
        with safetensors.safe_open(path, framework="np"):  # checks the header, and that it accounts for each byte
            tensors: Mapping[str, Mapping[str, Any]] = json.loads(header)
    except (safetensors.SafetensorError, ValueError) as error:
        raise InvalidInput(field, f"is not a whole safetensors file: {str(error)[:200]}") from error
    data = np.memmap(path, np.uint8, "r")[BEGINNING + len(header) :]
    names = [name for name in tensors if name != "__metadata__"]
    if not names:
        raise InvalidInput(field, "has no tensors")
    for name in names:
        start, end = tensors[name]["data_offsets"]
        _check_values(data[start:end], tensors[name]["dtype"], name, field)
    return len(names)


def _check_values(data: NDArray[np.uint8], dtype: str, name: str, field: str) -> None:
    if dtype not in _DTYPES:
        raise InvalidInput(field, f"tensor {name[:100]!r} has dtype {dtype}; {', '.join(_DTYPES)} are taken")
    values = data.view(_DTYPES[dtype])
    for start in range(0, len(values), _VALUES_AT_A_TIME):
        part = values[start : start + _VALUES_AT_A_TIME]
        finite = (part & _BF16_EXPONENT) != _BF16_EXPONENT if dtype == "BF16" else np.isfinite(part)
        if not finite.all():
            raise InvalidInput(field, f"tensor {name[:100]!r} has values that are not finite")
