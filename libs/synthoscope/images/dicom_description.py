"""What a DICOM image says of its pixels (PS3.3, section C.7.6.3), checked against what is there."""

import math
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset
from pydicom.encaps import parse_fragments
from pydicom.uid import UID, JPEGExtended12Bit

from synthoscope.rpc.errors import InvalidInput, ResourceExhausted, Unimplemented

MOST_FRAMES = 10_000
MOST_DECODED_BYTES = 2 * 1024**3
"""Bytes of all frames together, decoded."""

GREY = ("MONOCHROME1", "MONOCHROME2")
PALETTE = "PALETTE COLOR"
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT")

PIXEL_KEYWORDS = {"PixelData": (1, 8, 16, 32), "FloatPixelData": (32,), "DoubleFloatPixelData": (64,)}
"""Where pixels may be, and the bits that one may take there."""


@dataclass(frozen=True)
class PixelDescription:
    """Rows, columns, samples per pixel, frames; bits allocated and stored per sample; photometric interpretation."""

    keyword: str
    rows: int
    columns: int
    samples: int
    frames: int
    allocated: int
    stored: int
    photometric: str

    @property
    def mode(self) -> str:
        """The colour mode in Pillow's words: "1", "L", "I;16", "I", "F", "P" or "RGB"."""
        if self.photometric in COLOUR:
            return "RGB"
        if self.photometric == PALETTE:
            return "P"
        if self.keyword != "PixelData":
            return "F"
        return {1: "1", 8: "L", 16: "I;16", 32: "I"}[self.allocated]

    @property
    def native_bytes(self) -> int:
        """Bytes of all frames when they are not compressed; a chroma of 4:2:2 is stored for every other column."""
        samples = 2 if self.photometric == "YBR_FULL_422" else self.samples
        return math.ceil(self.rows * self.columns * self.frames * samples * self.allocated / 8)


def describe(dataset: Dataset, syntax: UID, field: str) -> PixelDescription:
    """Reads the description and checks it.

    Raises InvalidInput when there are no pixels, when a value is missing or not allowed, or when there is less pixel
    data than described; Unimplemented for JPEG Extended with more than 8 bits; ResourceExhausted for more than 10,000
    frames, or 2 GiB of them.
    """
    keyword = next((name for name in PIXEL_KEYWORDS if name in dataset), "")
    if not keyword:
        raise InvalidInput(field, "is a DICOM file without an image: it has no Pixel Data")
    read = _Values(dataset, field)
    allocated = read.integer("BitsAllocated")
    found = PixelDescription(
        keyword=keyword,
        rows=read.integer("Rows"),
        columns=read.integer("Columns"),
        samples=read.integer("SamplesPerPixel", 1),
        frames=read.integer("NumberOfFrames", 1),
        allocated=allocated,
        stored=read.integer("BitsStored", allocated),
        photometric=str(dataset.get("PhotometricInterpretation", "")).strip(),
    )
    _check_values(found, read.integer("HighBit", found.stored - 1), field)
    if syntax == JPEGExtended12Bit and found.stored > 8:
        raise Unimplemented(
            f"{field}: JPEG Extended with {found.stored} bits a sample is not supported, only with 8; convert it to "
            "JPEG 2000, RLE or an uncompressed transfer syntax"
        )
    _check_length(found, dataset, syntax, field)
    if found.frames > MOST_FRAMES:
        raise ResourceExhausted(f"{field}: has {found.frames} frames; at most {MOST_FRAMES} are accepted")
    if found.rows * found.columns * found.frames * found.samples * max(found.allocated // 8, 1) > MOST_DECODED_BYTES:
        raise ResourceExhausted(f"{field}: its frames take more than {MOST_DECODED_BYTES} bytes decoded")
    return found


@dataclass(frozen=True)
class _Values:
    dataset: Dataset
    field: str

    def integer(self, keyword: str, default: int | None = None) -> int:
        value: Any = self.dataset.get(keyword)
        if value is None or value == "":
            if default is None:
                raise InvalidInput(self.field, f"is a DICOM file without {keyword}")
            return default
        try:
            number = int(value)
        except (TypeError, ValueError) as error:
            raise InvalidInput(self.field, f"is a DICOM file whose {keyword} is not a number") from error
        if number < 0:
            raise InvalidInput(self.field, f"is a DICOM file whose {keyword} is below 0")
        return number


def _check_values(found: PixelDescription, high_bit: int, field: str) -> None:
    if not found.rows or not found.columns or not found.frames:
        raise InvalidInput(field, f"has no pixels: it says it is {found.columns}×{found.rows}, {found.frames} frames")
    samples = {**dict.fromkeys((*GREY, PALETTE), 1), **dict.fromkeys(COLOUR, 3)}.get(found.photometric)
    if samples is None:
        allowed = ", ".join((*GREY, PALETTE, *COLOUR))
        raise InvalidInput(field, f"has a Photometric Interpretation that is not supported; supported are {allowed}")
    if found.samples != samples:
        raise InvalidInput(field, f"has {found.samples} samples per pixel; {found.photometric} has {samples}")
    if found.allocated not in PIXEL_KEYWORDS[found.keyword] or (found.samples == 3 and found.allocated not in (8, 16)):
        raise InvalidInput(
            field, f"has {found.allocated} bits allocated, which is not supported for {found.photometric}"
        )
    if not 1 <= found.stored <= found.allocated or high_bit != found.stored - 1:
        raise InvalidInput(field, f"stores {found.stored} bits up to bit {high_bit} in {found.allocated}")


def _check_length(found: PixelDescription, dataset: Dataset, syntax: UID, field: str) -> None:
    pixels = dataset[found.keyword]
    if syntax.is_encapsulated != (pixels.is_undefined_length and found.keyword == "PixelData"):
        raise InvalidInput(field, "has pixel data that is not encoded as its transfer syntax says")
    size = len(pixels.value or b"")
    if syntax.is_encapsulated:
        fragments = parse_fragments(pixels.value)[0] - 1 if size else 0  # the first is the table of offsets
        if fragments < found.frames:
            raise InvalidInput(field, f"is a truncated DICOM file: {fragments} fragments for {found.frames} frames")
    elif size < found.native_bytes:
        raise InvalidInput(
            field, f"is a truncated DICOM file: {size} of {found.native_bytes} bytes of pixels are there"
        )
