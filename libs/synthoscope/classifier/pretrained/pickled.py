"""Reading what PyTorch has pickled: published weights are .pth files, some in a zip. No code in them is ever run."""

import struct
import zipfile
import zlib
from pathlib import Path
from pickle import UnpicklingError
from shutil import copyfileobj

import torch
from torch import Tensor

from synthoscope.rpc.errors import DataLoss

_SUFFIXES = (".pth", ".pt")

_UNREADABLE = (
    UnpicklingError, EOFError, ValueError, LookupError, AssertionError, AttributeError, TypeError, RuntimeError,
    struct.error,
)  # fmt: skip
"""What torch.load was seen to raise when bytes of a file were changed or missing."""


def unzip(archive: Path, file: Path, most_bytes: int) -> None:
    """Writes the only .pth or .pt file of a zip to `file`: a path in the zip has no say in where that is.

    Raises DataLoss when the archive is no zip, is damaged, or has none or several; or one of more than `most_bytes`.
    """
    try:
        with zipfile.ZipFile(archive) as content:
            members = [member for member in content.infolist() if member.filename.endswith(_SUFFIXES)]
            if len(members) != 1:
                raise DataLoss(f"{archive.name} holds {len(members)} files of weights (.pth, .pt) instead of one")
            if members[0].file_size > most_bytes:
                raise DataLoss(
                    f"{archive.name} unpacks to {members[0].file_size} bytes; at most {most_bytes} are right"
                )
            with content.open(members[0]) as packed, file.open("wb") as unpacked:
                copyfileobj(packed, unpacked)  # no more than `file_size`, whatever the archive holds
    # RuntimeError: encrypted; NotImplementedError: packed in a way that is not known.
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise DataLoss(f"{archive.name} is not a zip that can be read; download it again") from error


def read_tensors(file: Path) -> dict[str, Tensor]:
    """The tensors by name, on the CPU, of a file that torch.save wrote.

    Raises DataLoss when it is damaged, or holds anything else: objects in it are not made (`weights_only`).
    """
    wrong = (
        f"{file.name} does not hold a network's state (tensors by name, as torch.save(network.state_dict(), …) writes)"
    )
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        raise DataLoss(wrong) from error
    if not isinstance(content, dict) or not content:
        raise DataLoss(wrong)
    if not all(isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in content.items()):
        raise DataLoss(wrong)
    return dict(content)
