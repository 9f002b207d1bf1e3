"""A DICOM file's outside (PS3.10) and the encoding of its elements (PS3.5, section 7), checked before they are read.

pydicom takes what it is given: a length beyond the end of the file is cut to it, sequences may nest until Python's
stack ends, a deflated file is inflated whole. Here every length must fit into what holds it, and depth, number of
elements and inflated size are bounded; then pydicom reads.
"""

import io
import re
import struct
import zlib
from dataclasses import dataclass

from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    MediaStorageDirectoryStorage,
    RLELossless,
)

from synthoscope.rpc.errors import InvalidInput, ResourceExhausted, Unimplemented

LARGEST_INFLATED = 64 * 1024 * 1024
"""Bytes that a deflated file may inflate to."""

_DEFLATED_BLOCK = 4096
"""Bytes that are inflated at a time, to 4 MiB at most."""

DEEPEST = 16
"""Sequences within sequences."""

MOST_ELEMENTS = 250_000

TRANSFER_SYNTAXES = frozenset(
    {
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        RLELossless,
        JPEGBaseline8Bit,
        JPEGExtended12Bit,
        JPEGLossless,
        JPEGLosslessSV1,
        JPEGLSLossless,
        JPEGLSNearLossless,
        JPEG2000Lossless,
        JPEG2000,
    }
)

_START = 132  # behind the preamble and "DICM"
_PROGRAMS = (b"MZ", b"\x7fELF", b"#!", b"PK", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe")
_UID = re.compile(r"[0-9.]{1,64}")
_MEDIA_STORAGE_SOP_CLASS, _TRANSFER_SYNTAX = 0x00020002, 0x00020010

_PIXEL_DATA = 0x7FE00010
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())


@dataclass(frozen=True)
class DicomFile:
    """A file's data set, and how its elements and pixels are encoded."""

    dataset: Dataset
    transfer_syntax: UID


def read_dicom(data: bytes, field: str) -> DicomFile:
    """Reads a DICOM file; its values are read when they are asked for.

    Raises InvalidInput for a preamble that starts a program, a DICOMDIR, a length that does not fit, sequences nested
    more than 16 deep, or no Transfer Syntax UID; Unimplemented for one that is not in TRANSFER_SYNTAXES;
    ResourceExhausted for more than 250,000 elements, or when it inflates to more than 64 MiB.
    """
    if data.startswith(_PROGRAMS):
        raise InvalidInput(field, "is a DICOM file whose preamble starts a program or an archive")
    meta, start = _meta(data, field)
    if not _UID.fullmatch(text := _text(meta, _TRANSFER_SYNTAX)):
        raise InvalidInput(field, "is a DICOM file whose Transfer Syntax UID is missing or no UID")
    syntax = UID(text)
    if _text(meta, _MEDIA_STORAGE_SOP_CLASS) == MediaStorageDirectoryStorage:
        raise InvalidInput(field, "is a DICOMDIR, a list of files; send the images themselves")
    if syntax not in TRANSFER_SYNTAXES:
        # One that the standard does not know is the sender's own, and may say whose it is: it is not repeated.
        called = syntax.name if syntax.is_transfer_syntax else "that the file names"
        raise Unimplemented(f"{field}: the transfer syntax {called} is not supported")
    body = data[start:]
    if syntax == DeflatedExplicitVRLittleEndian:
        body, syntax = _inflated(body, field), ExplicitVRLittleEndian
    _Walk(body, field, little=syntax.is_little_endian).whole(implicit=syntax.is_implicit_VR)
    dataset = read_dataset(io.BytesIO(body), syntax.is_implicit_VR, syntax.is_little_endian)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    return DicomFile(dataset, syntax)


def _meta(data: bytes, field: str) -> tuple[dict[int, bytes], int]:
    """The elements of group 2, always Explicit VR Little Endian, and where they end."""
    walk = _Walk(data, field, little=True)
    values, position = {}, _START
    while data[position : position + 2] == b"\2\0":
        tag, _, start, length = walk.header(position, len(data), implicit=False)
        position = walk.end(start, length, len(data))
        values[tag] = data[start:position]
    return values, position


def _text(meta: dict[int, bytes], tag: int) -> str:
    return meta.get(tag, b"").rstrip(b"\0 ").decode("latin-1")


def _inflated(data: bytes, field: str) -> bytes:
    inflater, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    try:
        # Counted before any of it is kept, so that what is too large costs no memory.
        for start in range(0, len(data), _DEFLATED_BLOCK):
            size += len(inflater.decompress(data[start : start + _DEFLATED_BLOCK]))
            if size > LARGEST_INFLATED:
                raise ResourceExhausted(f"{field}: inflates to more than {LARGEST_INFLATED} bytes")
            if inflater.eof:
                return zlib.decompress(data, -zlib.MAX_WBITS, max(size, 1))
    except zlib.error as error:
        raise InvalidInput(field, "is a damaged DICOM file: it does not inflate") from error
    raise InvalidInput(field, "is a truncated DICOM file: it does not inflate")


class _Walk:
    """One pass over all elements, without reading their values; raises InvalidInput where they do not fit."""

    def __init__(self, data: bytes, field: str, *, little: bool) -> None:
        self._data, self._field, self._little = data, field, little
        order = "<" if little else ">"
        self._tag, self._u16, self._u32 = (struct.Struct(order + code) for code in ("HH", "H", "I"))
        self._elements = 0

    def whole(self, *, implicit: bool) -> None:
        """Walks over a data set."""
        self._dataset(0, len(self._data), depth=0, implicit=implicit, delimited=False)

    def header(self, position: int, end: int, *, implicit: bool) -> tuple[int, bytes, int, int]:
        """Tag, VR (empty when implicit, and of items), start of the value, and length of an element."""
        if position + 8 > end:
            raise self._wrong("is truncated within an element")
        group, element = self._tag.unpack_from(self._data, position)
        tag = group << 16 | element
        if implicit or group == 0xFFFE:
            return tag, b"", position + 8, self._u32.unpack_from(self._data, position + 4)[0]
        vr = self._data[position + 4 : position + 6]
        if vr in _SHORT:
            return tag, vr, position + 8, self._u16.unpack_from(self._data, position + 6)[0]
        if vr in _LONG and position + 12 > end:
            raise self._wrong("is truncated within an element")
        if vr not in _LONG:
            raise self._wrong(f"has an element ({group:04X},{element:04X}) without a known value representation")
        return tag, vr, position + 12, self._u32.unpack_from(self._data, position + 8)[0]

    def end(self, start: int, length: int, end: int) -> int:
        """Where a value of a defined length ends."""
        if start + length > end:
            raise self._wrong("is truncated, or has an element that is longer than what holds it")
        return start + length

    def _dataset(self, position: int, end: int, *, depth: int, implicit: bool, delimited: bool) -> int:
        """Walks over elements up to `end`, or to the delimiter; returns where they end."""
        while position < end:
            if depth == 0 and self._padding(position):
                return end
            tag, vr, start, length = self.header(position, end, implicit=implicit)
            self._count()
            if tag == _ITEM_END and delimited:
                return start
            if tag == _PIXEL_DATA and length == _UNDEFINED:
                position = self._fragments(start, end)
            elif length == _UNDEFINED:
                position = self._sequence(start, end, depth, implicit=implicit or vr == b"UN", delimited=True)
            else:
                position = self.end(start, length, end)
                if vr == b"SQ" or (not vr and _is_sequence(tag)):
                    self._sequence(start, position, depth, implicit=implicit, delimited=False)
        if delimited:
            raise self._wrong("is truncated within a sequence")
        return position

    def _sequence(self, position: int, end: int, depth: int, *, implicit: bool, delimited: bool) -> int:
        if depth == DEEPEST:
            raise self._wrong(f"has sequences nested more than {DEEPEST} deep")
        while position < end:
            tag, _, start, length = self.header(position, end, implicit=True)
            self._count()
            if tag == _SEQUENCE_END and delimited:
                return start
            if tag != _ITEM:
                raise self._wrong("has a sequence of other things than items")
            open_ended = length == _UNDEFINED
            stop = end if open_ended else self.end(start, length, end)
            position = self._dataset(start, stop, depth=depth + 1, implicit=implicit, delimited=open_ended)
        if delimited:
            raise self._wrong("is truncated within a sequence")
        return position

    def _fragments(self, position: int, end: int) -> int:
        while True:
            tag, _, start, length = self.header(position, end, implicit=True)
            self._count()
            if tag == _SEQUENCE_END:
                return start
            if tag != _ITEM or length == _UNDEFINED:
                raise self._wrong("has encapsulated pixel data of other things than fragments")
            position = self.end(start, length, end)

    def _padding(self, position: int) -> bool:
        """Whether only zeros follow, which some systems fill files up with."""
        return self._data[position : position + 4] == bytes(4) and not self._data[position:].strip(b"\0")

    def _count(self) -> None:
        self._elements += 1
        if self._elements > MOST_ELEMENTS:
            raise ResourceExhausted(f"{self._field}: has more than {MOST_ELEMENTS} DICOM elements")

    def _wrong(self, what: str) -> InvalidInput:
        return InvalidInput(self._field, f"is a damaged DICOM file: it {what}")


def _is_sequence(tag: int) -> bool:
    return dictionary_has_tag(tag) and dictionary_VR(tag) == "SQ"
