"""A patient whom no log, metric, error, key or Redis may name: put wherever a file or a call can carry text."""

import base64
import struct
from functools import cache

import dicoms
import numpy as np
from pydicom import config
from pydicom.datadict import DicomDictionary
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from synthoscope.images.dicom_attributes import PICTURE

NAME = "Zebra^Ulysses"
BIRTH_DATE = "19471103"
UID = f"1.2.826.0.1.{BIRTH_DATE}.7"

PIXELS = np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8)

_WORDS = (b"zebra", b"ulysses", BIRTH_DATE.encode())
_BYTES = NAME.encode() + b" "
_VALUES = {
    **dict.fromkeys(("AE", "AS", "CS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UR", "UT"), NAME),
    **dict.fromkeys(("DA", "DT", "DS", "IS"), BIRTH_DATE),
    **dict.fromkeys(("OB", "OW", "UN"), _BYTES),
    "UI": UID,
}
"""By what a value can be; others are numbers and cannot carry text."""

_DECIDES = PICTURE | {"SpecificCharacterSet", "BurnedInAnnotation", "ConversionType", "Modality", "ImageType"}
"""A wrong value of these would be another bad input than the one that is meant."""


def found_in(data: bytes | str) -> list[str]:
    """The words of the patient's that are in a text, as they are or encoded in a usual way."""
    text = data.encode() if isinstance(data, str) else data
    lower = text.lower()
    forms = {word: (word, word.hex().encode(), word.decode().encode("utf-16-le")) for word in _WORDS}
    known = [word.decode() for word, spelled in forms.items() if any(form in lower for form in spelled)]
    start = base64.b64encode(NAME.encode()[:12])  # whole groups of three, so that what comes behind does not matter
    return [*known, "base64"] if start in text else known


def image(pixels: np.ndarray = PIXELS, **attributes: object) -> Dataset:
    """`dicoms.image`, of the patient."""
    uids = dict.fromkeys(("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"), UID)
    return dicoms.image(pixels, **{**uids, "PatientName": NAME, "PatientID": NAME, **attributes})


def dicom(syntax: str = ExplicitVRLittleEndian, **attributes: object) -> bytes:
    """A file with the patient in every attribute that can carry text."""
    return everywhere(written(image(**attributes), syntax))


def written(made: Dataset, syntax: str = ExplicitVRLittleEndian, preamble: bytes = b"") -> bytes:
    """The file of a data set, with the patient in its preamble and group 2."""
    start = (preamble + NAME.encode() * 10)[:128]
    return dicoms.written(
        made, syntax, start, SourceApplicationEntityTitle="ZEBRA", ImplementationVersionName="ULYSSES"
    )


def everywhere(data: bytes) -> bytes:
    """A file in explicit little endian, the patient in attributes before its own; where one is there twice, its counts.

    They are spliced in, since pydicom takes a second to write so many.
    """
    end = _end_of_meta(data)
    return data[:end] + _elsewhere() + data[end:]


@cache
def _elsewhere() -> bytes:
    """Every attribute of the standard that can carry text, private ones, overlays and curves, encoded."""
    made = Dataset()
    with config.disable_value_validation():
        for tag, (kinds, *_, keyword) in DicomDictionary.items():
            kind = kinds.split(" or ")[-1]
            if keyword and tag >> 16 > 0x0007 and keyword not in _DECIDES and (kind == "SQ" or kind in _VALUES):
                made.add(DataElement(tag, kind, [identified()] if kind == "SQ" else _VALUES[kind]))
        made.private_block(0x0029, "MAKER", create=True).add_new(1, "LO", NAME)
        for tag, kind in ((0x60000022, "LO"), (0x60003000, "OW"), (0x50000022, "LO")):
            made.add_new(tag, kind, _VALUES[kind])
    data = dicoms.written(made)
    return data[_end_of_meta(data) :]


def identified() -> Dataset:
    """A data set of few attributes, the patient's, without an image."""
    made = Dataset()
    made.PatientName, made.PatientID, made.PatientBirthDate, made.StudyInstanceUID = NAME, NAME, BIRTH_DATE, UID
    return made


def _end_of_meta(data: bytes) -> int:
    """Where group 2 ends (PS3.10, section 7.1)."""
    at = 132
    while data[at : at + 2] == b"\2\0":
        at += 12 + struct.unpack_from("<I", data, at + 8)[0] if data[at + 4 : at + 6] == b"OB" else 8 + data[at + 6]
    return at
