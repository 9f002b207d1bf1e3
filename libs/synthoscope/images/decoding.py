"""From a file's bytes to pixels, for files that anyone may have sent."""

import io
import struct
import threading
import zlib
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from synthoscope.images.containers import (
    GIF_SIGNATURE,
    JPEG_SIGNATURE,
    PNG_SIGNATURE,
    gif_has_more_frames,
    read_jpeg,
    read_png,
)
from synthoscope.rpc.errors import InvalidInput, ResourceExhausted

if TYPE_CHECKING:
    from synthoscope.images.dicom import DicomImage

PNG = "image/png"
JPEG = "image/jpeg"
DICOM = "application/dicom"

LARGEST_FILE = 64 * 1024 * 1024
"""Bytes of an image file."""

MOST_PIXELS = 64_000_000
"""Width times height of an image."""

MOST_GIF_FRAMES = 1000
"""GIF is not accepted at all; a film of it is too large besides, and its sender is told so."""

_SIXTEEN_BIT = frozenset({"I;16", "I;16B", "I;16L", "I"})
_WITH_ALPHA = frozenset({"LA", "PA", "La", "RGBA", "RGBa"})
_MODES = _SIXTEEN_BIT | _WITH_ALPHA | {"1", "L", "P", "RGB"}

_SIGNATURES = {PNG_SIGNATURE: PNG, JPEG_SIGNATURE: JPEG}

_BAND = 256
"""Rows."""

_LARGE = 4_000_000
_large_decodes = threading.BoundedSemaphore(2)  # one image at the bound takes about 0.5 GB while it is decoded

_PILLOW_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    OverflowError,
    Warning,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True)
class ImageFacts:
    """What an image file says of itself: media type, size in pixels, Pillow's colour mode ("L", "RGB", "I;16", …)."""

    media_type: str
    width: int
    height: int
    mode: str
    frames: int = 1


@dataclass(frozen=True)
class ImagingIdentity:
    """Whom and what a DICOM image is of, in the tenant's pseudonyms; "" where its file does not say.

    The patient's is that of the file's Patient ID; the UIDs are those of the imaging study and of the image itself.
    """

    patient: str
    imaging_study_uid: str
    sop_instance_uid: str


@dataclass(frozen=True)
class DecodedImage:
    """An image's pixels as uint8 RGB, height × width × 3, and the facts of the file that they come from."""

    facts: ImageFacts
    pixels: NDArray[np.uint8]


def inspect(data: bytes, field: str = "image") -> ImageFacts:
    """The facts of a PNG, JPEG or DICOM file, without decoding its pixels.

    Raises what `decode` raises, but damage within the pixel data goes unseen.
    """
    if is_dicom(data):
        return _dicom_image(data, field).facts
    return _open(data, field)[1]


def is_dicom(data: bytes) -> bool:
    """Whether a file says that it is a DICOM file (PS3.10, section 7.1)."""
    return data[128:132] == b"DICM"


def media_type_of(data: bytes) -> str:
    """What a file is by its signature, as `decode` goes by it; "" for what is none of the media types taken here."""
    if is_dicom(data):
        return DICOM
    return next((kind for start, kind in _SIGNATURES.items() if data.startswith(start)), "")


def decode(data: bytes, field: str = "image", frame: int = 0) -> DecodedImage:
    """Decodes a PNG or JPEG file, or one frame, counted from 0, of a DICOM file.

    For files of ours and for files that came through `decoders`: what strangers send is decoded there.

    DICOM is shown as its modality LUT, VOI LUT and window say (`dicom_pixels`). Grey becomes RGB. 16-bit grey PNGs are
    stretched from their own smallest and largest value to 0–255, since scanners use a small part of that range.
    Transparent pixels are laid on black. An orientation noted in EXIF is not applied.

    Raises InvalidInput, naming `field`, when the bytes are not a whole PNG or JPEG file of a single grey or RGB
    picture, nor a DICOM image, or when there is no such frame; Unimplemented for a DICOM transfer syntax that is not
    supported; ResourceExhausted over 64 MiB, 64 megapixels or 4 MiB of metadata, found before anything is decoded.
    """
    if is_dicom(data):
        dicom_image = _dicom_image(data, field)
        with _turn(dicom_image.facts):
            return DecodedImage(dicom_image.facts, dicom_image.frame(frame))
    if frame:
        raise InvalidInput("frame", "must be 0: the image has one frame")
    image, facts = _open(data, field)
    with _turn(facts):
        return DecodedImage(facts, _pixels(image, facts, field))


def check_size(width: int, height: int, field: str) -> None:
    """Raises InvalidInput for an image without pixels, ResourceExhausted for one of more than 64 megapixels."""
    if width < 1 or height < 1:
        raise InvalidInput(field, f"has no pixels: it says it is {width}×{height}")
    if width * height > MOST_PIXELS:
        raise ResourceExhausted(
            f"{field}: has {width}×{height} pixels; at most {MOST_PIXELS // 10**6} megapixels are accepted"
        )


def _turn(facts: ImageFacts) -> AbstractContextManager[object]:
    return _large_decodes if facts.width * facts.height > _LARGE else nullcontext()


def _dicom_image(data: bytes, field: str) -> "DicomImage":
    # pydicom takes half a second to load, and most processes never see a DICOM file.
    from synthoscope.images.dicom import open_image

    return open_image(data, field)


def check_file(data: bytes, field: str) -> None:
    """Raises InvalidInput for an empty file, ResourceExhausted for one of more than 64 MiB."""
    if not data:
        raise InvalidInput(field, "is empty; send the bytes of a PNG, JPEG or DICOM file")
    if len(data) > LARGEST_FILE:
        raise ResourceExhausted(f"{field}: has {len(data)} bytes; at most {LARGEST_FILE} are accepted")


def _open(data: bytes, field: str) -> tuple[Image.Image, ImageFacts]:
    check_file(data, field)
    if data.startswith(PNG_SIGNATURE):
        media_type, (width, height, data) = PNG, read_png(data, field)
    elif data.startswith(JPEG_SIGNATURE):
        media_type, (width, height) = JPEG, read_jpeg(data, field)
    elif data.startswith(GIF_SIGNATURE) and gif_has_more_frames(data, MOST_GIF_FRAMES):
        raise ResourceExhausted(f"{field}: is a GIF file of more than {MOST_GIF_FRAMES} frames; send single pictures")
    else:
        raise InvalidInput(field, "is not a PNG, JPEG or DICOM file")
    check_size(width, height, field)
    try:
        image = Image.open(io.BytesIO(data), formats=("PNG", "JPEG"))
    except _PILLOW_ERRORS as error:
        raise InvalidInput(field, "is a damaged image file: its header cannot be read") from error
    if getattr(image, "n_frames", 1) != 1:
        raise InvalidInput(field, "holds several pictures; send a single one")
    if image.size != (width, height):
        raise InvalidInput(field, "is a damaged image file: it gives two different sizes")
    if image.mode not in _MODES:
        raise InvalidInput(field, f"has colour mode {image.mode}; convert it to grey or RGB first")
    return image, ImageFacts(media_type, width, height, image.mode)


def _pixels(image: Image.Image, facts: ImageFacts, field: str) -> NDArray[np.uint8]:
    try:
        image.load()
        if facts.mode in _SIXTEEN_BIT:
            return _stretch(np.asarray(image).astype(np.uint16))
        return _rgb(image)
    except _PILLOW_ERRORS as error:
        raise InvalidInput(
            field, f"is a truncated or damaged {facts.media_type.removeprefix('image/').upper()} file"
        ) from error


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    """Band by band, since Pillow's conversions and numpy's reading each make a copy of what they are given."""
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, _BAND):
        band = image.crop((0, top, image.width, min(top + _BAND, image.height)))
        if image.mode in _WITH_ALPHA or "transparency" in image.info:
            background = Image.new("RGBA", band.size, (0, 0, 0, 255))
            band = Image.alpha_composite(background, band.convert("RGBA"))
        pixels[top : top + _BAND] = np.asarray(band.convert("RGB"))
    return pixels


def _stretch(values: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """16-bit grey (height × width) stretched to 8-bit RGB; all black when it has a single value."""
    low, high = int(values.min()), int(values.max())
    scaled = np.round((values.astype(np.float32) - low) * (255.0 / max(high - low, 1))).astype(np.uint8)
    return np.repeat(scaled[:, :, None], 3, axis=2)
