"""Mutations that keep an image file's outside whole, so that what is mutated reaches the decoding of pixels.

Nearly every byte that libFuzzer changes in a PNG or JPEG file makes it one that is refused at once: a deflated stream
that does not inflate, a length that does not fit. So pixels, headers and tables are changed inside, and put together
again. Every RAW_SHARE-th input is mutated as it stands, for the checks on the outside.
"""

import random
import re
import struct
import zlib
from collections.abc import Callable

PNG = b"\x89PNG\r\n\x1a\n"
RAW_SHARE = 4
LARGEST_SIDE = 48

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type (PNG, table 11.1)
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]|\Z")
_START_OF_SCAN, _END = 0xDA, 0xD9

Mutate = Callable[[bytes, int], bytes]
"""libFuzzer's own mutation of bytes, to at most so many."""


def mutated(data: bytes, largest: int, seed: int, mutate: Mutate) -> bytes:
    """Another file of at most `largest` bytes, like `data`."""
    chance = random.Random(seed)
    made = b""
    if chance.randrange(RAW_SHARE) and data.startswith(PNG):
        made = _png(data, chance, mutate)
    elif chance.randrange(RAW_SHARE) and data.startswith(b"\xff\xd8"):
        made = _jpeg(data, chance, mutate)
    return made if 0 < len(made) <= largest else mutate(data, largest)


def png_file(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """A PNG file of chunks (kind, body), with their lengths and checksums."""
    parts = [struct.pack(">I", len(body)) + kind + body + _checksum(kind + body) for kind, body in chunks]
    return PNG + b"".join(parts)


def png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Kinds and bodies of a PNG file's chunks, as far as they go."""
    chunks, position = [], len(PNG)
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        length = min(length, len(data) - position - 12)
        chunks.append((data[position + 4 : position + 8], data[position + 8 : position + 8 + length]))
        position += 12 + length
    return chunks


def _checksum(data: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(data))


def _png(data: bytes, chance: random.Random, mutate: Mutate) -> bytes:
    """Other pixels; or another size or kind of pixels; or another body of a chunk beside them."""
    chunks = png_chunks(data)
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        return b""
    what = chance.choice(("rows", "rows", "header", "chunk"))
    others = [place for place, (kind, _) in enumerate(chunks) if kind not in (b"IHDR", b"IDAT", b"IEND")]
    if what == "chunk" and others:
        place = chance.choice(others)
        kind, body = chunks[place]
        chunks[place] = kind, mutate(body, len(body) + 64)
        return png_file(chunks)
    header, rows = chunks[0][1], _inflated(b"".join(body for kind, body in chunks if kind == b"IDAT"))
    if what == "header":
        header = _header(chance)
    else:
        rows = mutate(rows, len(rows) + 16)
    rest = [(kind, body) for kind, body in chunks[1:] if kind not in (b"IDAT", b"IEND")]
    if header[9] == 3 and b"PLTE" not in dict(rest):
        rest.append((b"PLTE", bytes(range(256)) * 3))
    if header[9] != 3:
        rest = [(kind, body) for kind, body in rest if kind not in (b"PLTE", b"tRNS")]
    body = zlib.compress(_fitting(rows, header), 1)
    return png_file([(b"IHDR", header), *rest, (b"IDAT", body), (b"IEND", b"")])


def _header(chance: random.Random) -> bytes:
    colour = chance.choice(tuple(_CHANNELS))
    sides = chance.randint(1, LARGEST_SIDE), chance.randint(1, LARGEST_SIDE)
    return struct.pack(">IIBBBBB", *sides, chance.choice(_DEPTHS[colour]), colour, 0, 0, chance.randint(0, 1))


def _fitting(rows: bytes, header: bytes) -> bytes:
    """Rows as many and as long as the header says, each with a filter that there is; of interlaced ones, enough."""
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    size = 1 + (width * depth * _CHANNELS.get(colour, 1) + 7) // 8
    if not 0 < height * size < 10**6:
        return rows
    whole = bytearray((rows * (height * size // max(len(rows), 1) + 1)).ljust(height * size, b"\0")[: height * size])
    if interlaced:
        return bytes(byte % 5 for byte in whole) * 3
    whole[::size] = bytes(byte % 5 for byte in whole[::size])
    return bytes(whole)


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, 10**6)
    except zlib.error:
        return b""


def _jpeg(data: bytes, chance: random.Random, mutate: Mutate) -> bytes:
    """Another body of a segment, its length put right; or other coded data of a scan, without markers in it."""
    parts = _jpeg_parts(data)
    scans = [place for place, (marker, _, _) in enumerate(parts) if marker == _START_OF_SCAN]
    if not scans:
        return b""
    in_scan = chance.random() < 0.6
    place = chance.choice(scans) if in_scan else chance.randrange(len(parts))
    marker, body, coded = parts[place]
    if in_scan:
        coded = mutate(coded.replace(b"\xff\x00", b"\xff"), len(coded) + 64).replace(b"\xff", b"\xff\x00")
    else:
        body = mutate(body, min(len(body) + 16, 65533))
    parts[place] = marker, body, coded
    segments = [struct.pack(">BBH", 0xFF, kind, len(body) + 2) + body + coded for kind, body, coded in parts]
    return b"\xff\xd8" + b"".join(segments) + bytes((0xFF, _END))


def _jpeg_parts(data: bytes) -> list[tuple[int, bytes, bytes]]:
    """Markers, bodies and, of scans, coded data behind them, as far as they go."""
    parts, position = [], 2
    while position + 4 <= len(data) and data[position] == 0xFF and data[position + 1] != _END:
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        start, end = position + 4, position + 2 + max(length, 2)
        found = _SCAN_END.search(data, end) if marker == _START_OF_SCAN else None
        position = found.start() if found else end
        parts.append((marker, data[start:end], data[end:position]))
    return parts
