"""Bad PNG, JPEG and other pictures, 1 to 14 of the list; each names the patient where it can carry text."""

import io
import struct
import zlib
from collections.abc import Iterator
from functools import cache

import numpy as np
from bad_input.canary import NAME, PIXELS
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GIANT = 5 * 2**20


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def texts() -> bytes:
    """Chunks of PNG for texts and EXIF, with the patient in each."""
    name = NAME.encode()
    return (
        chunk(b"tEXt", b"Comment\0" + name)
        + chunk(b"zTXt", b"Author\0\0" + zlib.compress(name))
        + chunk(b"iTXt", b"Title\0\0\0\0\0" + name)
        + chunk(b"eXIf", _exif())
    )


def png(width: int, height: int, rows: bytes = b"", *extra: bytes) -> bytes:
    """A grey one of these rows, each behind its filter, with more chunks before them."""
    return _png(width, height, zlib.compress(rows), *extra)


@cache
def blank_png(side: int) -> bytes:
    """A whole PNG of side × side black pixels, made without holding them."""
    packer, row = zlib.compressobj(1), bytes(side + 1)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    return _png(side, side, data)


def _png(width: int, height: int, data: bytes, *extra: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return SIGNATURE + header + texts() + b"".join(extra) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def good_png() -> bytes:
    return png(*PIXELS.shape[::-1], b"".join(b"\0" + row.tobytes() for row in PIXELS))


def jpeg(image: Image.Image | None = None, **options: object) -> bytes:
    """A JPEG file with the patient in its comment and its EXIF."""
    picture = image or Image.fromarray(PIXELS)
    return encoded(picture, "JPEG", comment=NAME.encode(), exif=b"Exif\0\0" + _exif(), **options)


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x010E], exif[0x013B] = NAME, NAME  # description, artist
    return exif.tobytes().removeprefix(b"Exif\0\0")


def truncated_jpeg() -> bytes:
    return jpeg()[:-40]


@cache
def large_truncated_jpeg(**options: object) -> bytes:
    """One of 64 megapixels, a tenth of which is missing."""
    whole = jpeg(Image.fromarray(PIXELS).resize((8000, 8000)), quality=30, **options)
    return whole[: len(whole) * 9 // 10]


def other_formats() -> Iterator[tuple[str, bytes]]:
    """Files of formats that Pillow would open, if it were let."""
    name = NAME.encode()
    yield "WMF", b"\xd7\xcd\xc6\x9a" + bytes(60) + name
    yield "FPX", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + name
    yield "PSD", b"8BPS\0\1" + bytes(60) + name
    yield "EPS", b"%!PS-Adobe-3.0 EPSF-3.0\n%%Title: " + name + b"\n%%BoundingBox: 0 0 9 9\n"


def gif(frames: int) -> bytes:
    comment = b"!\xfe" + bytes([len(NAME)]) + NAME.encode() + b"\0"
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02D\x01\x00"
    return b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6) + comment + frame * frames + b";"


def giant_profile() -> bytes:
    return png(1, 1, b"\0\1", chunk(b"iCCP", NAME.encode() + b"\0\0" + bytes(_GIANT)))


def giant_exif() -> bytes:
    data = jpeg()
    return data[:2] + (b"\xff\xe1\xff\xff" + NAME.encode() + bytes(65533 - len(NAME))) * 80 + data[2:]


def polyglot() -> bytes:
    return good_png() + b"PK\3\4" + bytes(22) + struct.pack("<HH", len(NAME), 0) + NAME.encode()


def cmyk() -> bytes:
    return jpeg(Image.new("CMYK", (8, 8)))


def array_of_nan() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.full((8, 8), np.nan, np.float32))
    return buffer.getvalue() + NAME.encode()


def wrong_checksum() -> bytes:
    data = bytearray(good_png())
    data[-20] ^= 1
    return bytes(data)


def huffman_overflow() -> bytes:
    """A table that announces 16 × 255 codes: more than any decoder has room for."""
    data = jpeg()
    table = b"\xff\xc4" + struct.pack(">H", 19 + 255 * 16) + b"\0" + b"\xff" * 16 + bytes(255 * 16)
    return data[:2] + table + data[2:]


def no_quantisation() -> bytes:
    """The tables that the picture needs are not there."""
    data = jpeg()
    start = data.index(b"\xff\xdb")
    length = struct.unpack_from(">H", data, start + 2)[0]
    return data[:start] + data[start + 2 + length :]


def sampling_of_zero() -> bytes:
    """A component without samples, which whoever divides by their number fails of."""
    data = bytearray(jpeg())
    data[data.index(b"\xff\xc0") + 11] = 0
    return bytes(data)
