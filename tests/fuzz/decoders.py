"""Coverage-guided fuzzing of what decodes files from outside: `python tests/fuzz/decoders.py image|dicom FOLDER …`.

Images are mutated within (`mutating`). Python code is instrumented; the C code of Pillow, libjpeg, zlib and GDCM runs
without. What runs is what a decoder's process runs: anything but an image or one of our errors is a finding, and so is
a crash of a library, or an input that takes more than libFuzzer's -timeout. FOLDER is the corpus; the rest are
libFuzzer's options. Images may have at most 250,000 pixels here, so that one execution stays short. Lossless JPEG and
JPEG-LS are left out: GDCM, which decodes them, ends the process on some damaged streams (it throws where nobody
catches). That is what decoders' processes are for, and tests/synthoscope/images/test_decoders.py shows it.
"""

import sys
from collections import Counter

import atheris

with atheris.instrument_imports(include=["synthoscope.images", "pydicom", "PIL"]):
    from synthoscope.images import acceptance, decoding, dicom_description, dicom_files, dicom_pixels

import warnings

import mutating
import numpy as np

from synthoscope.pseudonyms import Pseudonyms
from synthoscope.rpc.errors import SynthoscopeError

TENANT = Pseudonyms(bytes(32)).tenant("fuzz")
counts: Counter[str] = Counter()
RULES = acceptance.Rules(allow_burned_in_annotation=True)


def image(data: bytes) -> None:
    """A PNG or JPEG file; a PNG file's checksums are put right."""
    check(mutating.png_file(mutating.png_chunks(data)) if data.startswith(mutating.PNG) else data)


def dicom(data: bytes) -> None:
    """A DICOM file; its preamble and magic are given."""
    check(bytes(128) + b"DICM" + data)


def check(data: bytes) -> None:
    """Accepts a file, and decodes what would be stored."""
    counts["executed"] += 1
    if counts["executed"] % 1000 == 0:
        print(f"accepted {counts['accepted']} of {counts['executed']}", file=sys.stderr, flush=True)
    try:
        accepted = acceptance.accept(data, "image", TENANT, RULES)
    except (SynthoscopeError, MemoryError):
        return
    counts["accepted"] += 1
    facts, pixels = accepted.facts, accepted.pixels
    assert pixels.dtype == np.uint8
    assert pixels.shape == (facts.height, facts.width, 3)
    assert np.array_equal(decoding.decode(accepted.data).pixels, pixels)


def mutator(data: bytes, largest: int, seed: int) -> bytes:
    """For libFuzzer. Its own mutation is there only once it runs."""
    return mutating.mutated(data, largest, seed, lambda part, most: atheris.Mutate(part, most))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    decoding.MOST_PIXELS = 250_000
    dicom_description.MOST_DECODED_BYTES = 10**6
    gdcms = {syntax for syntax, plugin in dicom_pixels.PLUGINS.items() if plugin == "gdcm"}
    dicom_files.TRANSFER_SYNTAXES -= gdcms
    arguments = [sys.argv[0], *sys.argv[2:]]
    if sys.argv[1] == "image":
        atheris.Setup(arguments, image, custom_mutator=mutator)
    else:
        atheris.Setup(arguments, dicom)
    atheris.Fuzz()
