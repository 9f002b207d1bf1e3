"""Coverage-guided fuzzing of what decodes files from outside: `python tests/fuzz/decoders.py image|dicom FOLDER …`.

Runs what a decoder's process runs, in this process: anything but an image or one of our errors is a finding, and so is
a crash of a library, or an input that takes more than libFuzzer's -timeout. FOLDER is the corpus; the rest are
libFuzzer's options. Images may have at most 250,000 pixels here, so that one execution stays short. Lossless JPEG and
JPEG-LS are left out: GDCM, which decodes them, ends the process on some damaged streams (it throws where nobody
catches). That is what decoders' processes are for, and tests/synthoscope/images/test_decoders.py shows it.
"""

import struct
import sys
import zlib

import atheris

with atheris.instrument_imports(include=["synthoscope.images", "pydicom", "PIL"]):
    from synthoscope.images import acceptance, decoding, dicom_description, dicom_files, dicom_pixels

import warnings

import numpy as np

from synthoscope.pseudonyms import Pseudonyms
from synthoscope.rpc.errors import SynthoscopeError

TENANT = Pseudonyms(bytes(32)).tenant("fuzz")
RULES = acceptance.Rules(allow_burned_in_annotation=True)


def with_right_checksums(data: bytes) -> bytes:
    """A PNG file whose chunks have their checksums: a mutation would nearly always end there otherwise."""
    parts, position = [data[:8]], 8
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        length = min(length, len(data) - position - 12)
        body = data[position + 4 : position + 8 + length]
        parts += [struct.pack(">I", length), body, struct.pack(">I", zlib.crc32(body))]
        position += 12 + length
    return b"".join(parts) + data[position:]


def image(data: bytes) -> None:
    """A PNG or JPEG file."""
    check(with_right_checksums(data) if data.startswith(b"\x89PNG\r\n\x1a\n") else data)


def dicom(data: bytes) -> None:
    """A DICOM file; its preamble and magic are given."""
    check(bytes(128) + b"DICM" + data)


def check(data: bytes) -> None:
    """Accepts a file, and decodes what would be stored."""
    try:
        accepted = acceptance.accept(data, "image", TENANT, RULES)
    except (SynthoscopeError, MemoryError):
        return
    facts, pixels = accepted.facts, accepted.pixels
    assert pixels.dtype == np.uint8
    assert pixels.shape == (facts.height, facts.width, 3)
    assert np.array_equal(decoding.decode(accepted.data).pixels, pixels)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    decoding.MOST_PIXELS = 250_000
    dicom_description.MOST_DECODED_BYTES = 10**6
    gdcms = {syntax for syntax, plugin in dicom_pixels.PLUGINS.items() if plugin == "gdcm"}
    dicom_files.TRANSFER_SYNTAXES -= gdcms
    atheris.Setup([sys.argv[0], *sys.argv[2:]], {"image": image, "dicom": dicom}[sys.argv[1]])
    atheris.Fuzz()
