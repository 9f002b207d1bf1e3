import struct

import dicoms
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from synthoscope.images import dicom_files
from synthoscope.images.dicom_files import DEEPEST, read_dicom
from synthoscope.rpc.errors import InvalidInput, ResourceExhausted, Unimplemented

PIXELS = np.arange(64, dtype=np.uint8).reshape(8, 8)
SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]


def nested(depth: int, *, delimited: bool) -> Dataset:
    inner = Dataset()
    inner.RescaleSlope = "2"
    for _ in range(depth):
        outer = Dataset()
        outer.SharedFunctionalGroupsSequence = Sequence([inner])
        outer["SharedFunctionalGroupsSequence"].is_undefined_length = delimited
        inner.is_undefined_length_sequence_item = delimited
        inner = outer
    return inner


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("delimited", [False, True])
def test_sequences_are_walked_whether_their_length_is_given_or_not(syntax: str, delimited: bool) -> None:
    made = dicoms.image(PIXELS)
    made.update(nested(DEEPEST, delimited=delimited))
    dataset = read_dicom(dicoms.written(made, syntax), "image").dataset
    for _ in range(DEEPEST):
        dataset = dataset.SharedFunctionalGroupsSequence[0]
    assert dataset.RescaleSlope == 2
    made.update(nested(DEEPEST + 1, delimited=delimited))
    with pytest.raises(InvalidInput, match="16 deep"):
        read_dicom(dicoms.written(made, syntax), "image")


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_file_that_is_cut_anywhere_within_its_elements_is_refused(syntax: str) -> None:
    made = dicoms.image(PIXELS)
    made.update(nested(2, delimited=True))
    data = dicoms.written(made, syntax)
    whole = len(data) - 8 - 4 * (syntax != ImplicitVRLittleEndian) - 64  # the pixels are the last element
    for end in range(len(data) - 1, whole, -1):
        with pytest.raises(InvalidInput, match="truncated"):
            read_dicom(data[:end], "image")
    assert read_dicom(data[:whole], "image").dataset.Rows == 8


def test_an_item_that_is_longer_than_its_sequence_is_refused() -> None:
    made = dicoms.image(PIXELS)
    made.update(nested(1, delimited=False))
    data = bytearray(dicoms.written(made))
    item = data.index(struct.pack("<HH", 0xFFFE, 0xE000))
    data[item + 4 : item + 8] = struct.pack("<I", 10_000)
    with pytest.raises(InvalidInput, match="longer than what holds it"):
        read_dicom(bytes(data), "image")


def test_zeros_at_the_end_are_padding_and_other_bytes_are_not() -> None:
    data = dicoms.dicom(PIXELS)
    assert read_dicom(data + bytes(512), "image").dataset.Rows == 8
    with pytest.raises(InvalidInput, match="value representation"):
        read_dicom(data + bytes(8) + b"x", "image")


def test_a_sequence_of_unknown_type_is_implicit_inside() -> None:
    """PS3.5, section 6.2.2: UN of undefined length."""
    inside = struct.pack("<HHI4s", 0x0028, 0x0010, 2, b"\7\0")[:10]
    unknown = struct.pack("<HH2sHI", 0x0009, 0x1010, b"UN", 0, 0xFFFFFFFF)
    item = struct.pack("<HHI", 0xFFFE, 0xE000, len(inside)) + inside + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    data = dicoms.written(Dataset())
    assert read_dicom(data + unknown + item, "image").dataset
    with pytest.raises(InvalidInput, match="truncated"):
        read_dicom(data + unknown + item[:-4], "image")


def test_elements_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom_files, "MOST_ELEMENTS", 10)
    with pytest.raises(ResourceExhausted, match="more than 10"):
        read_dicom(dicoms.dicom(PIXELS), "image")


def test_the_transfer_syntax_must_be_there_and_known() -> None:
    data = dicoms.dicom(PIXELS)
    syntax = ExplicitVRLittleEndian.encode()
    with pytest.raises(InvalidInput, match="Transfer Syntax UID"):
        read_dicom(data.replace(syntax, b"x" * len(syntax)), "image")
    with pytest.raises(Unimplemented, match="syntax Papyrus 3 Implicit VR Little Endian is not"):
        read_dicom(data.replace(syntax, b"1.2.840.10008.1.20\0"), "image")
    with pytest.raises(Unimplemented, match="syntax that the file names is not"):
        read_dicom(data.replace(syntax, b"1.2.840.99999.1.2.1"), "image")
