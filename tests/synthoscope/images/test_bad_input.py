"""Bad images, 1 to 28: each gets its status through the real service, fast and cheap, and nothing is stored.

The numbers are those of the project's list of bad inputs; every file is built here.
"""

import hashlib
import io
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dicoms
import grpc
import numpy as np
import psutil
import pytest
from PIL import Image
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
    RLELossless,
)

from synthoscope.api.images.v1 import images_service_pb2 as messages
from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.api.images.v1.images_service_pb2_grpc import ImageServiceStub, add_ImageServiceServicer_to_server
from synthoscope.images.decoders import Decoders
from synthoscope.images.intake import Intake
from synthoscope.images.servicer import ImageServicer
from synthoscope.objects import InMemoryObjectStore
from synthoscope.pseudonyms import Pseudonyms
from synthoscope.rpc.channel import open_channel
from synthoscope.rpc.server import Registration
from synthoscope.rpc.testing import running_server

INVALID, EXHAUSTED = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED
PRECONDITION, UNIMPLEMENTED = grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.UNIMPLEMENTED

PIXELS = np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8)
BIG_META = 5 * 2**20


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, rows: bytes = b"", *extra: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def jpeg() -> bytes:
    return encoded(Image.fromarray(PIXELS), "JPEG")


def gif(frames: int) -> bytes:
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02D\x01\x00"
    return b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6) + frame * frames + b";"


def wrong_checksum() -> bytes:
    data = bytearray(encoded(Image.fromarray(PIXELS), "PNG"))
    data[-20] ^= 1
    return bytes(data)


def huffman_overflow() -> bytes:
    """A table that announces 16 × 255 codes: more than any decoder has room for."""
    data = jpeg()
    table = b"\xff\xc4" + struct.pack(">H", 19 + 255 * 16) + b"\0" + b"\xff" * 16 + bytes(255 * 16)
    return data[:2] + table + data[2:]


def npy_with_nan() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.full((8, 8), np.nan, np.float32))
    return buffer.getvalue()


def dicom(**attributes: object) -> bytes:
    return dicoms.dicom(PIXELS, **attributes)


def float_pixels(value: float) -> bytes:
    made = dicoms.image(PIXELS, PixelData=None, BitsAllocated=32, BitsStored=None, HighBit=None)
    made.FloatPixelData = np.full((16, 16), value, "<f4").tobytes()
    return dicoms.written(made)


def with_preamble(start: bytes) -> bytes:
    return dicoms.written(dicoms.image(PIXELS), preamble=start.ljust(128, b"\0"))


def inflating() -> bytes:
    """300 MB of zeros in 300 KB: a block of the deflated stream, which needs none before it, many times."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    start = deflate.compress(struct.pack("<HH2sHI", 0x0009, 0x1001, b"OB", 0, 300 * 10**6))
    start += deflate.flush(zlib.Z_FULL_FLUSH)
    block = deflate.compress(bytes(3 * 10**6)) + deflate.flush(zlib.Z_FULL_FLUSH)
    return header_only(DeflatedExplicitVRLittleEndian) + start + block * 100 + deflate.flush()


def header_only(syntax: str) -> bytes:
    return dicoms.written(Dataset(), syntax) if syntax != DeflatedExplicitVRLittleEndian else _deflated_header()


def _deflated_header() -> bytes:
    plain = dicoms.written(Dataset(), ExplicitVRLittleEndian)
    return plain.replace(b"UI\x14\x001.2.840.10008.1.2.1\0", b"UI\x16\x001.2.840.10008.1.2.1.99")


def nested(depth: int) -> bytes:
    """Sequences of undefined length: an item in an item in an item."""
    opening = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    closing = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return header_only(ExplicitVRLittleEndian) + opening * depth + closing * depth


def past_the_end() -> bytes:
    return dicom()[: -len(PIXELS.tobytes())] + bytes(100)


def directory() -> bytes:
    record = Dataset()
    record.DirectoryRecordType = "IMAGE"
    with config.disable_value_validation():
        record.ReferencedFileID = ["..", "..", "etc", "passwd"]
    made = dicoms.image(PIXELS, SOPClassUID=MediaStorageDirectoryStorage, DirectoryRecordSequence=Sequence([record]))
    return dicoms.written(made)


def unknown_character_set() -> bytes:
    return dicom(PatientName="x").replace(
        b"\x08\x00\x16\x00UI", b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 666\x08\x00\x16\x00UI", 1
    )


BAD: list[tuple[str, Callable[[], bytes], grpc.StatusCode, str, dict[str, str]]] = [
    ("1 empty", lambda: b"", INVALID, "is empty", {}),
    ("2 truncated JPEG", lambda: jpeg()[:-40], INVALID, "truncated", {}),
    ("3 PNG of 20000 x 20000", lambda: png(20_000, 20_000, bytes(10**6)), EXHAUSTED, "20000×20000", {}),
    ("4 PNG of 12000 x 12000", lambda: png(12_000, 12_000, bytes(10**6)), EXHAUSTED, "12000×12000", {}),
    ("5 WMF", lambda: b"\xd7\xcd\xc6\x9a" + bytes(60), INVALID, "is not a PNG", {}),
    ("5 FPX", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), INVALID, "is not a PNG", {}),
    ("5 PSD", lambda: b"8BPS\0\1" + bytes(60), INVALID, "is not a PNG", {}),
    ("5 EPS", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", INVALID, "is not a PNG", {}),
    ("6 GIF of 10,000 frames", lambda: gif(10_000), EXHAUSTED, "frames", {}),
    (
        "7 giant colour profile",
        lambda: png(1, 1, b"\0\1", chunk(b"iCCP", b"a\0\0" + bytes(BIG_META))),
        EXHAUSTED,
        "EXIF take",
        {},
    ),
    (
        "7 giant EXIF",
        lambda: jpeg()[:2] + (b"\xff\xe1\xff\xff" + bytes(65533)) * 80 + jpeg()[2:],
        EXHAUSTED,
        "EXIF take",
        {},
    ),
    ("8 zero width", lambda: png(0, 5), INVALID, "no pixels", {}),
    (
        "9 PNG and ZIP",
        lambda: encoded(Image.fromarray(PIXELS), "PNG") + b"PK\3\4" + bytes(30),
        INVALID,
        "after the end",
        {},
    ),
    ("10 another media type", jpeg, INVALID, "header.media_type", {"media_type": "image/png"}),
    ("11 CMYK", lambda: encoded(Image.new("CMYK", (8, 8)), "JPEG"), INVALID, "colour mode CMYK", {}),
    ("11 CMYK in DICOM", lambda: dicom(PhotometricInterpretation="CMYK"), INVALID, "Photometric", {}),
    ("12 array of NaN", npy_with_nan, INVALID, "is not a PNG", {}),
    ("12 pixels of NaN", lambda: float_pixels(float("nan")), INVALID, "no numbers", {}),
    ("13 wrong checksum", wrong_checksum, INVALID, "checksum", {}),
    ("14 JPEG with a Huffman table that overflows", huffman_overflow, INVALID, "damaged JPEG", {}),
    (
        "15 not DICOM",
        lambda: bytes(128) + b"DICOM" + bytes(99),
        INVALID,
        "is not a PNG",
        {"media_type": "application/dicom"},
    ),
    ("16 Windows program", lambda: with_preamble(b"MZ\x90\0"), INVALID, "preamble", {}),
    ("16 Linux program", lambda: with_preamble(b"\x7fELF\2\1\1"), INVALID, "preamble", {}),
    ("17 deflated 300 MB", inflating, EXHAUSTED, "inflates", {}),
    (
        "18 65535 x 65535 x 100,000 in two bytes",
        lambda: dicom(Rows=65535, Columns=65535, NumberOfFrames=100_000, PixelData=b"\0\0"),
        INVALID,
        "2 of 4",
        {},
    ),
    (
        "18 the same, compressed",
        lambda: dicoms.encapsulated([b"\0\0"], RLELossless, (1, 1), Rows=65535, Columns=65535, NumberOfFrames=100_000),
        INVALID,
        "fragments",
        {},
    ),
    ("19 3,000 nested sequences", lambda: nested(3000), INVALID, "16 deep", {}),
    ("20 a length past the end", past_the_end, INVALID, "longer than", {}),
    (
        "21 unknown transfer syntax",
        lambda: dicoms.dicom(PIXELS, "1.2.826.0.1.9999"),
        UNIMPLEMENTED,
        "transfer syntax",
        {},
    ),
    ("22 DICOMDIR that leaves its folder", directory, INVALID, "DICOMDIR", {}),
    ("23 ../ in a UID", lambda: dicom(SOPInstanceUID="1.2.3/../../4"), INVALID, "SOPInstanceUID", {}),
    ("24 unknown character set", unknown_character_set, INVALID, "character set", {}),
    ("25 no pixels", lambda: dicom(PixelData=None), INVALID, "no Pixel Data", {}),
    ("27 burned-in annotation", lambda: dicom(BurnedInAnnotation="YES"), PRECONDITION, "burned", {}),
    ("28 slope of NaN", lambda: dicom(RescaleSlope="NaN"), INVALID, "RescaleSlope", {}),
]
CASES = [pytest.param(build, status, words, fields, id=name) for name, build, status, words, fields in BAD]


@pytest.fixture(scope="module")
def objects() -> InMemoryObjectStore:
    return InMemoryObjectStore()


@pytest.fixture(scope="module")
def images(objects: InMemoryObjectStore, pseudonyms: Pseudonyms, decoders: Decoders) -> Iterator[ImageServiceStub]:
    with serving(Intake(objects, pseudonyms, decoders)) as stub:
        yield stub


@contextmanager
def serving(intake: Intake) -> Iterator[ImageServiceStub]:
    name = "synthoscope.api.images.v1.ImageService"
    registration = Registration(name, add_ImageServiceServicer_to_server, ImageServicer(intake))
    with running_server([registration]) as server, open_channel(server.address, server.token) as channel:
        yield ImageServiceStub(channel)


def upload(images: ImageServiceStub, data: bytes, **fields: str) -> ImageRef:
    def parts() -> Iterator[messages.UploadImageRequest]:
        digest = hashlib.sha256(data).hexdigest()
        header = messages.UploadImageHeader(parent="tenants/default", sha256=digest, **fields)
        yield messages.UploadImageRequest(header=header)
        for start in range(0, len(data), 2**20):
            yield messages.UploadImageRequest(chunk=data[start : start + 2**20])

    return images.UploadImage(parts(), timeout=60)


def refusal_of(images: ImageServiceStub, data: bytes, **fields: str) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        upload(images, data, **fields)
    assert "Traceback" not in caught.value.details()
    assert "Doe" not in caught.value.details()
    return caught.value.code(), caught.value.details()


@pytest.mark.parametrize(("build", "status", "words", "fields"), CASES)
def test_bad_input(
    images: ImageServiceStub,
    objects: InMemoryObjectStore,
    build: Callable[[], bytes],
    status: grpc.StatusCode,
    words: str,
    fields: dict[str, str],
) -> None:
    code, details = refusal_of(images, build(), **fields)
    assert code is status
    assert words in details
    assert list(objects.list("")) == []


def test_26_identifiers_where_they_must_not_come(
    objects: InMemoryObjectStore, pseudonyms: Pseudonyms, decoders: Decoders
) -> None:
    store = InMemoryObjectStore()
    with serving(Intake(store, pseudonyms, decoders, refuse_identifiers=True)) as images:
        assert refusal_of(images, dicom())[0] is PRECONDITION
        assert list(store.list("")) == []
        clean = upload(images, dicom(PatientName="", PatientID=""))
        assert clean.media_type == "application/dicom"


def test_the_files_would_be_accepted_without_what_is_bad(pseudonyms: Pseudonyms, decoders: Decoders) -> None:
    good = [
        jpeg(),
        png(1, 1, b"\0\1"),
        dicom(),
        float_pixels(1.5),
        with_preamble(b"II*\0"),
        dicoms.dicom(PIXELS, DeflatedExplicitVRLittleEndian),
        dicom(RescaleSlope="2"),
        dicoms.written(dicoms.image(PIXELS, SpecificCharacterSet="ISO_IR 100")),
    ]
    for data in good:
        assert decoders.accept(data, "image", pseudonyms.tenant("default")).facts.width > 0


class Usage:
    """What the service's process and its decoders' take from now on."""

    def __init__(self) -> None:
        self._began, self._processes = time.perf_counter(), [psutil.Process(), *decoder_processes()]
        for process in self._processes:
            Path(f"/proc/{process.pid}/clear_refs").write_text("5")  # the peak starts again
        self._peaks = [_peak(process) for process in self._processes]
        self._seconds = [sum(process.cpu_times()[:2]) for process in self._processes]

    def seconds(self) -> float:
        """Seconds until now."""
        return time.perf_counter() - self._began

    def busy(self) -> float:
        """Seconds of a processor that all of them took: what it would have been on an idle machine."""
        return sum(sum(p.cpu_times()[:2]) - before for p, before in zip(self._processes, self._seconds, strict=True))

    def grown(self) -> int:
        """Bytes by which the peaks grew, of all processes together."""
        return sum(_peak(process) - before for process, before in zip(self._processes, self._peaks, strict=True))


def decoder_processes() -> list[psutil.Process]:
    children = psutil.Process().children()
    return [child for child in children if "synthoscope.images.decoder_process" in child.cmdline()]


def _peak(process: psutil.Process) -> int:
    return int(Path(f"/proc/{process.pid}/status").read_text().split("VmHWM:")[1].split()[0]) * 1024


def upload_error(images: ImageServiceStub, data: bytes, **fields: str) -> None:
    with pytest.raises(grpc.RpcError):
        upload(images, data, **fields)


def large_and_truncated(**options: object) -> bytes:
    """A JPEG file of 64 megapixels, a tenth of which is missing."""
    whole = encoded(Image.fromarray(PIXELS).resize((8000, 8000)), "JPEG", quality=30, **options)
    return whole[: len(whole) * 9 // 10]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux, to measure memory")
def test_what_bad_input_costs(
    images: ImageServiceStub, objects: InMemoryObjectStore, capsys: pytest.CaptureFixture
) -> None:
    """Each file takes less than 1 s and 100 MB, of the service's process and of its decoders' together.

    Seconds are those of a processor: on a machine with much else to do, more pass.
    """
    files = [(name, build(), fields) for name, build, _, _, fields in BAD]
    files += [("2 truncated, 64 megapixels", large_and_truncated(), {})]
    files += [("2 truncated, progressive", large_and_truncated(progressive=True), {})]
    for _ in range(4):  # both decoders are there, and have loaded what they need
        upload_error(images, dicom(RescaleSlope="NaN"))
        upload_error(images, jpeg()[:-40])
    worst = []
    for name, data, fields in files:
        usage = Usage()
        upload_error(images, data, **fields)
        worst.append((usage.busy(), usage.grown()))
        with capsys.disabled():
            print(
                f"{name:45} {len(data):>9} bytes  {usage.seconds():6.3f} s  busy {usage.busy():6.3f} s  "
                f"{usage.grown() / 1e6:6.1f} MB"
            )
    busy, grown = (max(figures) for figures in zip(*worst, strict=True))
    with capsys.disabled():
        print(f"busiest {busy:.3f} s (wanted: below 1), most {grown / 1e6:.1f} MB (wanted: below 100)")
    assert list(objects.list("")) == []
    assert busy < 1
    assert grown < 100e6
