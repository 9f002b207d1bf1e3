import numpy as np
from dicoms import dicom

from synthoscope.datasets.sources.dicom import parse

CANARY = "Canary^Bird"


def header(**tags):
    named = {"PatientName": CANARY, "DeviceSerialNumber": "SN-CANARY", "StationName": "CANARY-1", "PatientID": "p1"}
    return parse(dicom(np.zeros((8, 8), np.uint8), **named | tags), "a.dcm")


def test_what_subgroups_are_told_by_is_taken_from_the_header():
    found = header(
        PatientSex="F", PatientAge="093Y", Manufacturer="Acme", ManufacturerModelName="X1", ViewPosition="PA"
    )
    assert found.patient == "p1"
    assert found.attributes == {"sex": "F", "age_band": "90+", "device": "Acme X1", "view": "PA"}


def test_what_is_absent_or_in_no_form_is_left_out():
    assert header(PatientSex="", ViewPosition="").attributes == {}
    assert header(Manufacturer="M" * 64, ManufacturerModelName="N" * 64).attributes == {"device": "M" * 64}


def test_nothing_else_of_the_header_is_kept():
    assert "CANARY" not in str(header(PatientSex="M").attributes).upper()
