"""Bad DICOM files, 15 to 28 of the list; each names the patient wherever it can carry text."""

import struct
import zlib
from functools import cache

import dicoms
import numpy as np
from bad_input import canary
from bad_input.canary import BIRTH_DATE, NAME, PIXELS, dicom, everywhere
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
    RLELossless,
)

SYNTAX_OF_NOBODY = f"1.2.826.0.1.{BIRTH_DATE}.1"


def not_dicom() -> bytes:
    return bytes(128) + b"DICOM" + dicom()[132:]


def program(start: bytes) -> bytes:
    """A file whose preamble starts a program."""
    return everywhere(canary.written(canary.image(), preamble=start))


@cache
def inflating() -> bytes:
    """300 MB of zeros in 300 KB: a block of the deflated stream, which needs none before it, many times."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    name = NAME.encode() + b" "
    start = deflate.compress(struct.pack("<HH2sH", 0x0010, 0x0010, b"PN", len(name)) + name)
    start += deflate.compress(struct.pack("<HH2sHI", 0x0009, 0x1001, b"OB", 0, 300 * 10**6))
    start += deflate.flush(zlib.Z_FULL_FLUSH)
    block = deflate.compress(bytes(3 * 10**6)) + deflate.flush(zlib.Z_FULL_FLUSH)
    return _deflated_header() + start + block * 100 + deflate.flush()


def _deflated_header() -> bytes:
    plain = canary.written(Dataset(), ExplicitVRLittleEndian)
    syntax = UID(DeflatedExplicitVRLittleEndian).encode()
    return plain.replace(b"UI\x14\x001.2.840.10008.1.2.1\0", b"UI" + struct.pack("<H", len(syntax)) + syntax)


def deflated() -> bytes:
    """A good one."""
    return canary.written(canary.image(), DeflatedExplicitVRLittleEndian)


def frames_without_end() -> bytes:
    return dicom(Rows=65535, Columns=65535, NumberOfFrames=100_000, PixelData=b"\0\0")


def compressed_frames_without_end() -> bytes:
    rows = {"Rows": 65535, "Columns": 65535, "NumberOfFrames": 100_000, "PatientName": NAME}
    return everywhere(dicoms.encapsulated([b"\0\0"], RLELossless, (1, 1), **rows))


def nested(depth: int) -> bytes:
    """Sequences of undefined length: an item in an item in an item."""
    opening = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    closing = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return canary.written(canary.identified()) + opening * depth + closing * depth


def past_the_end() -> bytes:
    return dicom()[: -len(PIXELS.tobytes())] + bytes(100)


def unknown_syntax() -> bytes:
    """One of nobody's, which may itself be a patient's number."""
    return canary.written(canary.image(), SYNTAX_OF_NOBODY)


def directory() -> bytes:
    record = canary.identified()
    record.DirectoryRecordType = "IMAGE"
    with config.disable_value_validation():
        record.ReferencedFileID = ["..", "..", "etc", NAME]
    made = canary.image(SOPClassUID=MediaStorageDirectoryStorage, DirectoryRecordSequence=Sequence([record]))
    return everywhere(canary.written(made))


def unknown_character_set() -> bytes:
    return dicom().replace(b"\x08\x00\x16\x00UI", b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 666\x08\x00\x16\x00UI", 1)


def float_pixels(value: float) -> bytes:
    made = canary.image(PixelData=None, BitsAllocated=32, BitsStored=None, HighBit=None)
    made.FloatPixelData = np.full(PIXELS.shape, value, "<f4").tobytes()
    return everywhere(canary.written(made))
