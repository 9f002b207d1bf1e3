"""ZIP archives: honest ones, and those of the list of bad inputs, each refused with its status before it is read."""

import io
import stat
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from synthoscope.api.datasets.v1.datasets_pb2 import Split
from synthoscope.datasets.sources import Scan, SourceOptions, open_source
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, ResourceExhausted, SynthoscopeError

MEBIBYTE = 1 << 20


def png(seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8), dtype=np.uint8)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return data.getvalue()


GOOD = {"train/a/1.png": png(1), "train/b/1.png": png(2), "test/a/1.png": png(3)}


def write(file: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file


def scan(file: Path, **options: object) -> list[tuple[str, bytes]]:
    with open_source(file, SourceOptions(**options)) as found:
        return [(image.path, image.file.read()) for image in found.images]


@pytest.mark.parametrize("root", ["", "brains/"])
def test_class_folders_in_an_archive(tmp_path: Path, root: str) -> None:
    others = {f"{root}train/a/": b"", f"{root}readme.txt": b"", "__MACOSX/train/a/._1.png": b"x"}
    file = write(tmp_path / "a.zip", {f"{root}{path}": data for path, data in GOOD.items()} | others)
    assert dict(scan(file)) == {f"{root}{path}": data for path, data in GOOD.items()}
    with open_source(file) as found:
        assert found.classes == ("a", "b")
        assert [image.split for image in found.images] == [Split.SPLIT_TEST, Split.SPLIT_TRAIN, Split.SPLIT_TRAIN]


def test_a_table_in_the_archive_or_beside_it_says_more(tmp_path: Path) -> None:
    table = "path,label,split,patient\nx/1.png,a,train,p1\nx/2.png,b,train,p2\nx/3.png,a,test,\n"
    images = {f"set/x/{number}.png": png(number) for number in (1, 2, 3)}
    inside = write(tmp_path / "a.zip", images | {"set/labels.csv": table.encode(), "set/other.csv": b"a,b\n1,2\n"})
    with open_source(inside) as found:
        assert [(image.path, image.label, image.patient) for image in found.images] == [
            ("set/x/1.png", "a", "p1"), ("set/x/2.png", "b", "p2"), ("set/x/3.png", "a", ""),
        ]  # fmt: skip
    (tmp_path / "labels.csv").write_text(table.replace("x/", "set/x/"))
    assert scan(write(tmp_path / "b.zip", images), labels=tmp_path / "labels.csv") == list(images.items())


def test_an_entry_may_be_read_by_several_threads(tmp_path: Path) -> None:
    members = {f"train/a/{number}.png": png(number) for number in range(40)}
    with open_source(write(tmp_path / "a.zip", members)) as found, ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda image: image.file.read(), found.images)) == [members[i.path] for i in found.images]


# --- what is refused ---


def expanding(file: Path) -> Path:
    """204 kB that unpack to 200 MiB of zeros: after a full flush, the same bytes can be repeated."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    step = deflate.compress(bytes(MEBIBYTE)) + deflate.flush(zlib.Z_FULL_FLUSH)
    local, listed = entry("train/a/big.png", b"", packed=step * 200 + deflate.flush(), declared=200 * MEBIBYTE)
    file.write_bytes(local + listed + end_of_archive(1, len(listed), len(local)))
    assert len(local) < 250_000
    return file


def expanding_in_small_steps(file: Path) -> Path:
    return write(file, {f"train/a/{number}.png": bytes(MEBIBYTE) for number in range(30)})


def overlapping(file: Path) -> Path:
    """Every entry of the list points at the same bytes, as in D. Fifield, A better zip bomb (2019)."""
    local, listed = entry("train/a/000.png", bytes(MEBIBYTE // 2))
    directory = b"".join(listed.replace(b"000", b"%03d" % number) for number in range(300))
    file.write_bytes(local + directory + end_of_archive(300, len(directory), len(local)))
    return file


def declaring_less(file: Path) -> Path:
    """One entry unpacks to 20 MiB, and says that it has 1000 bytes."""
    local, listed = entry("train/a/1.png", bytes(20 * MEBIBYTE), declared=1000)
    file.write_bytes(local + listed + end_of_archive(1, len(listed), len(local)))
    return file


def nested(file: Path) -> Path:
    return write(file, {**GOOD, "train/a/more.zip": b"PK\x03\x04"})


def nested_by_another_name(file: Path) -> Path:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("1.png", png())
    return write(file, {**GOOD, "train/a/more.png": inner.getvalue()})


def a_million_entries(file: Path) -> Path:
    local, listed = entry("a", b"")
    file.write_bytes(local + listed * 1_000_000 + end_of_archive(1_000_000, 1_000_000 * len(listed), len(local)))
    return file


def a_million_entries_of_which_one_is_admitted(file: Path) -> Path:
    local, listed = entry("a", b"")
    count = 300_000  # 14 MB: short enough to be read as a list
    file.write_bytes(local + listed * count + end_of_archive(1, count * len(listed), len(local)))
    return file


def named(name: str) -> Callable[[Path], Path]:
    return lambda file: write(file, {**GOOD, name: png()})


def linked(file: Path) -> Path:
    write(file, GOOD)
    link = zipfile.ZipInfo("train/a/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    return file


def repeated(file: Path) -> Path:
    write(file, GOOD)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(file, "a") as archive:
        archive.writestr("train/a/1.png", png(9))
    return file


def encrypted(file: Path) -> Path:
    """The flag alone: what follows cannot be read without a password anyway."""
    data = bytearray(write(file, GOOD).read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + flags] |= 1
    file.write_bytes(data)
    return file


def with_a_wrong_checksum(file: Path) -> Path:
    data = bytearray(write(file, GOOD, zipfile.ZIP_STORED).read_bytes())
    data[data.index(b"IDAT") + 6] ^= 0xFF
    file.write_bytes(data)
    return file


def packed_with_bzip2(file: Path) -> Path:
    return write(file, GOOD, zipfile.ZIP_BZIP2)


def cut_off(file: Path) -> Path:
    file.write_bytes(write(file, GOOD).read_bytes()[:-30])
    return file


def labelled(table: str, *paths: str) -> Callable[[Path], Path]:
    return lambda file: write(file, {path: png(n) for n, path in enumerate(paths)} | {"labels.csv": table.encode()})


def entry(name: str, data: bytes, declared: int | None = None, packed: bytes = b"") -> tuple[bytes, bytes]:
    """An entry's local header with its data, and its line in the archive's list (APPNOTE, 4.3.7 and 4.3.12)."""
    packed = packed or zlib.compress(data, 9)[2:-4]
    size = len(data) if declared is None else declared
    common = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, zlib.crc32(data), len(packed), size, len(name), 0)
    local = b"PK\x03\x04" + common + name.encode() + packed
    return local, b"PK\x01\x02" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name.encode()


def end_of_archive(entries: int, directory_size: int, directory_offset: int) -> bytes:
    count = min(entries, 0xFFFF)
    return b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count, count, directory_size, directory_offset, 0)


BAD = [
    pytest.param(expanding, ResourceExhausted, "big.png", id="66 204 kB to 200 MiB"),
    pytest.param(expanding_in_small_steps, ResourceExhausted, "times", id="66 in entries of 1 MiB"),
    pytest.param(overlapping, ResourceExhausted, "overlap", id="66 overlapping entries"),
    pytest.param(declaring_less, InvalidInput, "1.png", id="66 more than declared"),
    pytest.param(nested, InvalidInput, "more.zip: is an archive within", id="67 nested"),
    pytest.param(nested_by_another_name, InvalidInput, "more.png: is an archive within", id="67 nested, as .png"),
    pytest.param(a_million_entries, ResourceExhausted, "at most 100000 entries", id="68 a million entries"),
    pytest.param(a_million_entries_of_which_one_is_admitted, ResourceExhausted, "more than 100000", id="68 admits one"),
    pytest.param(named("../evil.png"), InvalidInput, "relative path", id="69 parent"),
    pytest.param(named("train/a/../../../evil.png"), InvalidInput, "relative path", id="69 parent within"),
    pytest.param(named("/etc/evil.png"), InvalidInput, "relative path", id="69 absolute"),
    pytest.param(named("C:/evil.png"), InvalidInput, "relative path", id="69 drive"),
    pytest.param(named("train\\a\\evil.png"), InvalidInput, "relative path", id="69 backslashes"),
    pytest.param(linked, InvalidInput, "link.png: is a link", id="70 symlink"),
    pytest.param(repeated, InvalidInput, "twice", id="71 duplicate name"),
    pytest.param(named("train/A/1.PNG"), InvalidInput, "by case alone", id="71 case"),
    pytest.param(encrypted, InvalidInput, "encrypted", id="72 encrypted"),
    pytest.param(with_a_wrong_checksum, InvalidInput, r"1\.png: .*damaged", id="73 wrong CRC"),
    pytest.param(
        labelled("path,label\na/1.png,a\na/2.png,b\nb/1.png,b\n", "a/1.png", "a/2.png", "b/1.png"),
        InvalidInput, "lies in another class", id="74 label of another folder",
    ),
    pytest.param(
        labelled("path,label\nx/1.png,a\nx/1.png,b\n", "x/1.png"), InvalidInput, "line 3", id="74 two labels"
    ),
    pytest.param(labelled("path,label\nx/2.png,a\n", "x/1.png"), InvalidInput, "no file", id="74 label without image"),
    pytest.param(
        labelled("path,label\nx/1.png,a\n", "x/1.png", "x/2.png"), InvalidInput, "no label", id="74 image without label"
    ),
    pytest.param(named("test/c/1.png"), FailedPrecondition, "no training images for c", id="75 missing class"),
    pytest.param(named("train/c/"), FailedPrecondition, "no training images for c", id="75 empty class"),
    pytest.param(packed_with_bzip2, InvalidInput, "unusual", id="packed with bzip2"),
    pytest.param(cut_off, InvalidInput, "damaged", id="cut off"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "error", "message"), BAD)
def test_bad_archives_are_refused(
    tmp_path: Path, make: Callable[[Path], Path], error: type[SynthoscopeError], message: str
) -> None:
    file = make(tmp_path / "bad.zip")
    tracemalloc.start()
    try:
        with pytest.raises(error, match=message):
            scan(file)
        assert tracemalloc.get_traced_memory()[1] < 100 * MEBIBYTE
    finally:
        tracemalloc.stop()


def test_errors_of_whoever_reads_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="somewhere else"), open_source(write(tmp_path / "a.zip", GOOD)):
        raise OSError("somewhere else")


def test_the_scan_of_an_archive_reads_no_image(tmp_path: Path) -> None:
    """Damage within an image is found when it is read, not before; the rest can still be listed."""
    with open_source(with_a_wrong_checksum(tmp_path / "a.zip")) as found:
        assert isinstance(found, Scan)
        assert len(found.images) == 3
