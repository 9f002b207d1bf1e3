import io
import re
from pathlib import Path

import dicoms
import numpy as np
import pytest
from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c as table_e1_1
from pydicom import dcmread
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from synthoscope.images import dicom_attributes
from synthoscope.images.decoding import decode
from synthoscope.images.deidentification import deidentify
from synthoscope.images.dicom import open_image, translated
from synthoscope.pseudonyms import Pseudonyms
from synthoscope.rpc.errors import InvalidInput

PSEUDONYMS = Pseudonyms(b"a secret of the tests, 32 bytes or more").tenant("default")
SAMPLES = Path(__file__).resolve().parents[4] / "shared/data/dicom-samples"
PIXELS = np.arange(64, dtype=np.uint16).reshape(8, 8)
SECRET = "SECRET"
_SPEAKING = ("PN", "LO", "LT", "SH", "ST", "DA", "TM", "UI")
VALUES = {
    "DA": "20240229", "DT": "20240229101112", "TM": "101112", "AS": "042Y", "UI": "1.2.840.99999.7", "IS": "7",
    "DS": "7.5", "US": 7, "SS": 7, "UL": 7, "SL": 7, "FL": 7.5, "FD": 7.5, "UV": 7, "SV": 7, "AT": 0x00100010,
    "OB": SECRET.encode(), "OW": SECRET.encode(), "UN": SECRET.encode(), "OF": SECRET.encode() + b"\0\0",
    "OD": SECRET.encode() + b"\0\0", "OL": SECRET.encode() + b"\0\0", "OV": SECRET.encode() + b"\0\0",
}  # fmt: skip


def deidentified(data: bytes) -> Dataset:
    return dcmread(io.BytesIO(stored(data)))


def stored(data: bytes) -> bytes:
    image = open_image(data, "image")
    with translated("image"):
        return deidentify(image.file, image.description, PSEUDONYMS, "image")[0]


def leaf(tag: int) -> DataElement:
    vr = dictionary_VR(tag).split(" or ")[0]
    if vr == "SQ":
        item = Dataset()
        item.PatientComments = SECRET
        return DataElement(tag, vr, Sequence([item]))
    return DataElement(tag, vr, VALUES.get(vr, SECRET))


def public_tags(table: list[tuple[int, ...]]) -> list[int]:
    """Those that can be put into a file as they are; ranges of groups, private ones and file meta have own tests."""
    tags = [group << 16 | element for group, element, *rest in table if not rest]
    return [tag for tag in tags if keyword_for_tag(tag) and tag >> 16 not in (0x0002, 0x0004, 0x0000)]


def test_every_attribute_of_table_e1_1_is_gone_empty_or_replaced() -> None:
    """The table of PS3.15 2026c, as another implementation has it."""
    tags = public_tags(table_e1_1.ALL_TAGS)
    assert len(tags) > 500
    made = dicoms.image(PIXELS)
    for tag in tags:
        made.add(leaf(tag))
    data = dicoms.written(made)
    assert data.count(SECRET.encode()) > 200
    result = deidentified(data)
    assert SECRET.encode() not in stored(data)
    kept = [keyword_for_tag(tag) for tag in tags if tag in result and str(result[tag].value) == str(made[tag].value)]
    assert kept == []
    for tag in tags:
        if tag in result and result[tag].value not in ("", None) and result[tag].VR == "UI":
            assert result[tag].value == PSEUDONYMS.uid(str(made[tag].value))


def test_nothing_is_kept_that_can_hold_text_a_date_or_a_time() -> None:
    kinds = {part for keyword in dicom_attributes.KEPT for part in dictionary_VR(keyword).split(" or ")}
    assert kinds == {"CS", "DS", "IS", "UI", "US", "SS", "OB", "OW", "OF", "OD", "OV", "SQ"}


@pytest.mark.skipif(not SAMPLES.exists(), reason="needs the samples in ../shared/data/dicom-samples")
def test_the_samples_keep_their_picture_and_nothing_of_their_patients() -> None:
    files = [file for file in sorted(SAMPLES.glob("*.dcm")) if "truncated" not in file.name]
    assert len(files) == 13
    secrets = 0
    for file in files:
        data = file.read_bytes()
        result = stored(data)
        assert np.array_equal(decode(result).pixels, decode(data).pixels), file.name
        original, left = dcmread(file), dcmread(io.BytesIO(result))
        for element in original:
            text = str(element.value).encode("latin-1", "replace")
            said = element.VR in _SPEAKING and len(text) > 7 and not text.startswith(b"1.2.840.10008.")
            if said and text != left.PatientID.encode():
                assert text not in result, (file.name, element.tag)
                secrets += 1
    assert secrets > 200


def test_the_result_says_what_was_done() -> None:
    result = deidentified(dicoms.dicom(PIXELS))
    assert result.preamble == bytes(128)
    assert (result.PatientIdentityRemoved, result.LongitudinalTemporalInformationModified) == ("YES", "REMOVED")
    assert "PS3.15" in result.DeidentificationMethod
    assert result.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
    assert all(result[keyword].is_empty for keyword in dicom_attributes.EMPTY if keyword != "PatientID")


def test_patients_and_uids_become_pseudonyms() -> None:
    result = deidentified(dicoms.dicom(PIXELS, FrameOfReferenceUID="1.2.3.4"))
    assert result.PatientID == PSEUDONYMS.patient("PAT-1")
    assert result.StudyInstanceUID == PSEUDONYMS.uid(dicoms.STUDY)
    assert result.SOPInstanceUID == result.file_meta.MediaStorageSOPInstanceUID == PSEUDONYMS.uid(dicoms.INSTANCE)
    assert result.FrameOfReferenceUID == PSEUDONYMS.uid("1.2.3.4")
    assert result.SOPClassUID == dicoms.MR
    again = deidentified(dicoms.dicom(PIXELS + 1, SOPInstanceUID="1.2.3.5"))
    assert (again.StudyInstanceUID, again.PatientID) == (result.StudyInstanceUID, result.PatientID)
    assert again.SOPInstanceUID != result.SOPInstanceUID


def test_a_file_without_a_patient_has_none() -> None:
    assert deidentified(dicoms.dicom(PIXELS, PatientID="")).PatientID == ""
    image = open_image(dicoms.dicom(PIXELS, PatientID=None, StudyInstanceUID=None), "image")
    identity = deidentify(image.file, image.description, PSEUDONYMS, "image")[1]
    assert (identity.patient, identity.imaging_study_uid) == ("", "")


def test_private_attributes_overlays_and_curves_are_gone_at_every_level() -> None:
    made = dicoms.image(PIXELS)
    inner = Dataset()
    inner.WindowCenter, inner.WindowWidth, inner.WindowCenterWidthExplanation = "5", "6", SECRET
    inner.private_block(0x0029, "MAKER", create=True).add_new(1, "LO", SECRET)
    made.FrameVOILUTSequence = [inner]
    made.private_block(0x0009, "MAKER", create=True).add_new(1, "LO", SECRET)
    for tag, vr in ((0x60000022, "LO"), (0x60003000, "OW"), (0x50000022, "LO"), (0x50003000, "OW")):
        made.add_new(tag, vr, SECRET if vr == "LO" else SECRET.encode())
    data = dicoms.written(made)
    result = deidentified(data)
    assert SECRET.encode() not in stored(data)
    assert list(result.FrameVOILUTSequence[0].keys()) == [
        tag_for_keyword("WindowCenter"),
        tag_for_keyword("WindowWidth"),
    ]
    assert not [tag for tag in result.keys() if tag.is_private or tag.group >> 8 in (0x50, 0x60)]  # noqa: SIM118


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
def test_bits_and_bytes_beside_the_pixels_are_cleared(syntax: str, dtype: type) -> None:
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    values = np.arange(64, dtype=dtype).reshape(8, 8) - (dtype == np.int16) * 32
    words = (values.view(np.uint16) & 0x0FFF | 0xA000).astype(f"{order}u2").tobytes()
    made = dicoms.image(values, BitsStored=12, HighBit=11, PixelData=words + SECRET.encode())
    made["PixelData"].VR = "OW"
    data = dicoms.written(made, syntax)
    result = deidentified(data)
    assert np.array_equal(np.frombuffer(result.PixelData, f"{order}{dtype().dtype.kind}2").reshape(8, 8), values)
    assert np.array_equal(decode(stored(data)).pixels, decode(data).pixels)


def test_an_odd_number_of_bytes_keeps_its_pixels() -> None:
    values = np.arange(9, dtype=np.uint8).reshape(3, 3) * 20
    for syntax in (ExplicitVRLittleEndian, ExplicitVRBigEndian):
        data = dicoms.dicom(values, syntax)
        assert np.array_equal(decode(stored(data)).pixels, decode(data).pixels)


def test_the_same_file_gives_the_same_bytes() -> None:
    data = dicoms.dicom(PIXELS)
    assert stored(data) == stored(data)
    assert re.search(rb"DICM", stored(data))


def test_text_in_a_coded_attribute_is_dropped() -> None:
    result = deidentified(dicoms.dicom(PIXELS, BodyPartExamined="Jane Doe, 1970", ViewPosition="AP"))
    assert "BodyPartExamined" not in result
    assert result.ViewPosition == "AP"


def test_a_malformed_value_that_the_picture_depends_on_is_refused() -> None:
    with pytest.raises(InvalidInput, match="VOILUTFunction"):
        stored(dicoms.dicom(PIXELS, WindowCenter="9", WindowWidth="9", VOILUTFunction="linear"))
