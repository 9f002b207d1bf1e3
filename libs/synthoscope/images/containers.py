"""What the outside of a PNG, JPEG or GIF file says, read without decoding a pixel.

Pillow believes a good deal of what a file claims: it unpacks compressed texts and profiles, skips the checksums of
pixel data, and ignores what follows the picture. These checks come first.
"""

import re
import struct
import zlib

from synthoscope.rpc.errors import InvalidInput, ResourceExhausted

GIF_SIGNATURE = b"GIF8"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE = b"\xff\xd8\xff"

LARGEST_METADATA = 4 * 1024 * 1024
"""Bytes of texts, colour profiles and EXIF that a file may carry."""

MOST_JPEG_SCANS = 100
"""Passes over the picture that a progressive JPEG may ask for; encoders use about 10."""

MOST_SCANNED_PIXELS = 1_000_000_000
"""Pixels times passes: each goes over the whole picture, and may take only a few bytes of the file."""

_PNG_PIXEL_CHUNKS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_JPEG_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_START_OF_SCAN, _JPEG_END = 0xDA, 0xD9
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""A marker within coded data: not a stuffed byte, a restart marker or a fill byte (ITU-T T.81, section B.1.1)."""


def read_png(data: bytes, field: str) -> tuple[int, int, bytes]:
    """Width and height in pixels, and the file with nothing left in it but the picture.

    Raises InvalidInput for a truncated or damaged file, an animation, or bytes after the end; ResourceExhausted for
    more than 4 MiB of metadata.
    """
    kept, metadata, position, kind = [PNG_SIGNATURE], 0, len(PNG_SIGNATURE), b""
    while kind != b"IEND":
        if position + 12 > len(data):
            raise InvalidInput(field, "is a truncated PNG file")
        (length,) = struct.unpack_from(">I", data, position)
        kind, end = data[position + 4 : position + 8], position + 12 + length
        if end > len(data):
            raise InvalidInput(field, "is a truncated PNG file")
        if zlib.crc32(memoryview(data)[position + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]:
            raise InvalidInput(field, "is a damaged PNG file: a checksum does not match")
        if kind == b"acTL":
            raise InvalidInput(field, "is an animated PNG file; send a single picture")
        if kind in _PNG_PIXEL_CHUNKS:
            kept.append(data[position:end])
        else:
            metadata += length
        position = end
    if position != len(data):
        raise InvalidInput(field, "has other data after the end of the PNG picture")
    _check_metadata(metadata, field)
    header = kept[1]
    if header[4:8] != b"IHDR" or len(header) != 25:
        raise InvalidInput(field, "is a damaged PNG file: its header is not first")
    width, height = struct.unpack_from(">II", header, 8)
    return width, height, b"".join(kept)


def read_jpeg(data: bytes, field: str) -> tuple[int, int]:
    """Width and height in pixels.

    Walks over the segments and scans to the end of the picture, so that a truncated file costs no decoding. Raises
    InvalidInput for a truncated or damaged file; ResourceExhausted for more than 4 MiB of metadata, or more scans than
    100 or than 1000 megapixels.
    """
    size, metadata, scans, position = None, 0, 0, 2
    while True:
        while data[position : position + 2] == b"\xff\xff":
            position += 1
        if data[position : position + 2] == bytes((0xFF, _JPEG_END)):
            break
        if position + 4 > len(data):
            raise InvalidInput(field, "is a truncated JPEG file")
        if data[position] != 0xFF:
            raise InvalidInput(field, "is a damaged JPEG file: a marker is missing")
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        if marker in _JPEG_FRAME_MARKERS and position + 9 <= len(data):
            height, width = struct.unpack_from(">HH", data, position + 5)
            size = width, height
        if 0xE0 <= marker <= 0xEF or marker == 0xFE:
            metadata += length
        position += 2 + max(length, 2)
        if marker == _JPEG_START_OF_SCAN:
            scans += 1
            found = _JPEG_MARKER.search(data, position)
            position = found.start() if found else len(data)
    _check_metadata(metadata, field)
    if size is None or not scans:
        raise InvalidInput(field, "is a damaged JPEG file: its header or its picture is missing")
    if scans > MOST_JPEG_SCANS or scans * size[0] * size[1] > MOST_SCANNED_PIXELS:
        raise ResourceExhausted(
            f"{field}: the JPEG file has {scans} scans of {size[0]}×{size[1]} pixels; at most {MOST_JPEG_SCANS}, and "
            f"{MOST_SCANNED_PIXELS // 10**6} megapixels of them, are accepted"
        )
    return size


def gif_has_more_frames(data: bytes, most: int) -> bool:
    """Whether a GIF file has more than so many frames; what is damaged ends the count."""
    frames, position = 0, 13 + _gif_table(data, 10)
    while frames <= most and position < len(data):
        kind = data[position]
        if kind == 0x2C:
            frames, position = frames + 1, _gif_blocks(data, position + 11 + _gif_table(data, position + 9))
        elif kind == 0x21:
            position = _gif_blocks(data, position + 2)
        else:
            break
    return frames > most


def _gif_table(data: bytes, position: int) -> int:
    """Bytes of the colour table that the flags at a position announce."""
    flags = data[position] if position < len(data) else 0
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _gif_blocks(data: bytes, position: int) -> int:
    """Where a chain of sub-blocks ends."""
    while position < len(data) and data[position]:
        position += data[position] + 1
    return position + 1


def _check_metadata(size: int, field: str) -> None:
    if size > LARGEST_METADATA:
        raise ResourceExhausted(
            f"{field}: texts, colour profiles and EXIF take {size} bytes; at most {LARGEST_METADATA} are accepted"
        )
