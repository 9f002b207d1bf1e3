import numpy as np
import pytest
from dicoms import dicom

from synthoscope.datasets.sources.dicom import Identity, parse

CANARIES = {
    "PatientName": "Canary^Bird",
    "OtherPatientIDs": "CANARY-2",
    "PatientAddress": "Canary Street",
    "DeviceSerialNumber": "SN-CANARY",
    "StationName": "CANARY-1",
    "InstitutionName": "Canary Hospital",
    "OperatorsName": "Canary^Operator",
    "PatientComments": "canary",
    "ProtocolName": "canary",
    "DeviceUID": "1.2.3",
}


def header(**tags: object) -> Identity:
    return parse(dicom(np.zeros((8, 8), np.uint8), **CANARIES | {"PatientID": "p1"} | tags), "a.dcm")


def test_what_subgroups_are_told_by_is_taken_from_the_header() -> None:
    found = header(
        PatientSex="F", PatientAge="093Y", Manufacturer="Acme", ManufacturerModelName="X1", ViewPosition="PA"
    )
    assert found.patient == "p1"
    assert found.attributes == {"sex": "F", "age_band": "90+", "device": "Acme X1", "view": "PA"}


@pytest.mark.parametrize(("tags", "band"), [
    ({"PatientAge": "045Y"}, "40-49"),
    ({"PatientAge": "006M"}, "0-9"),
    ({"PatientAge": "045Y", "PatientBirthDate": "19400101", "StudyDate": "20200101"}, "40-49"),
    ({"PatientBirthDate": "19800615", "StudyDate": "20200614"}, "30-39"),  # the day before a birthday
    ({"PatientBirthDate": "19800615", "StudyDate": "20200615"}, "40-49"),
    ({"PatientBirthDate": "20200615", "StudyDate": "20200615"}, "0-9"),
    ({"PatientBirthDate": "19200615", "StudyDate": "20200614"}, "90+"),
    ({"PatientAge": "000Y", "PatientBirthDate": "19800615", "StudyDate": "20200614"}, "30-39"),
])  # fmt: skip
def test_the_age_is_the_patients_when_the_study_was_made(tags: dict[str, str], band: str) -> None:
    assert header(**tags).attributes == {"age_band": band}


@pytest.mark.parametrize("tags", [
    {"PatientSex": "", "ViewPosition": ""},
    {"PatientSex": "N/A"},
    {"PatientSex": ["F", "M"]},
    {"PatientAge": "000Y"},
    {"PatientAge": "adult"},
    {"PatientBirthDate": "19800615"},
    {"StudyDate": "20200615"},
    {"PatientBirthDate": "19000101", "StudyDate": "20200615"},
    {"PatientBirthDate": "20200615", "StudyDate": "20200614"},
    {"PatientBirthDate": "11111111", "StudyDate": "20200614"},
    {"PatientBirthDate": "1980/06/", "StudyDate": "20200614"},
    {"ViewPosition": "of Jane Doe"},
    {"Manufacturer": "A\x07"},
], ids=str)  # fmt: skip
def test_what_is_absent_removed_or_in_no_form_is_left_out(tags: dict[str, object]) -> None:
    assert header(**tags).attributes == {}


def test_long_names_of_devices_are_cut() -> None:
    found = header(Manufacturer="M" * 60, ManufacturerModelName="N" * 60)
    assert found.attributes == {"device": "M" * 60 + " NNN"}
    assert header(Manufacturer="M" * 63, ManufacturerModelName="N").attributes == {"device": "M" * 63}


def test_nothing_else_of_the_header_is_kept() -> None:
    found = header(
        PatientSex="M", PatientAge="045Y", PatientBirthDate="19800615", StudyDate="20200614", Manufacturer="Acme"
    )
    assert found.attributes == {"sex": "M", "age_band": "40-49", "device": "Acme"}
    for trace in ("canary", "1980", "2020", "45"):
        assert trace not in str(found).lower()
