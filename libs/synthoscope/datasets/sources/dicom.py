"""What a DICOM file says of whom and what it shows, read on the caller's side, where it may still be known."""

import contextlib
import io
import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import PurePosixPath

from synthoscope.datasets import attributes
from synthoscope.datasets.sources.scan import SourceFile
from synthoscope.images.decoding import is_dicom
from synthoscope.rpc.errors import InvalidInput

_PYDICOM_ERRORS = (
    OSError, ValueError, LookupError, TypeError, AttributeError, NotImplementedError, EOFError, RecursionError,
    ArithmeticError, struct.error, zlib.error,
)  # fmt: skip
_SUFFIXES = frozenset({".dcm", ".dicom"})
_OTHER_SUFFIXES = frozenset({".png", ".jpg", ".jpeg"})
_TAGS = ["PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"]
_DESCRIBING = [
    "PatientSex", "PatientAge", "PatientBirthDate", "StudyDate",
    "Manufacturer", "ManufacturerModelName", "ViewPosition",
]  # fmt: skip
_CODE_STRING = re.compile(r"[A-Z0-9 _]{0,16}")
_NO_AGE, _NO_BIRTH_DATE = "000Y", "19000101"
"""What is written where an age was removed. Of an infant, DICOM gives months, weeks or days."""


@dataclass(frozen=True)
class Identity:
    """Identifiers of a DICOM file as they stand in it, empty where absent; and what is kept for results by subgroup."""

    patient: str = ""
    study: str = ""
    series: str = ""
    instance: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def uids(self) -> tuple[str, ...]:
        """The UIDs it can be found by: instance, series, study."""
        return tuple(uid for uid in (self.instance, self.series, self.study) if uid)


def identity_of(file: SourceFile) -> Identity:
    """The identifiers of a DICOM file; those of any other file are empty. PNG and JPEG files are not read.

    Raises InvalidInput, naming the path, for what is DICOM by its name but not inside.
    """
    suffix = PurePosixPath(file.path).suffix.lower()
    if suffix in _OTHER_SUFFIXES:
        return Identity()
    data = file.read()
    return parse(data, file.path) if suffix in _SUFFIXES or is_dicom(data) else Identity()


def parse(data: bytes, path: str) -> Identity:
    """The identifiers in a DICOM file's bytes. Raises InvalidInput, naming `path`, when they cannot be read."""
    from pydicom import config, dcmread  # slow to import, and needed for DICOM alone

    try:
        with config.disable_value_validation():
            header = dcmread(io.BytesIO(data), stop_before_pixels=True, specific_tags=_TAGS + _DESCRIBING, force=True)
            texts = {tag: str(header.get(tag) or "").strip() for tag in _TAGS + _DESCRIBING}
    except _PYDICOM_ERRORS as error:
        raise InvalidInput(path, "is a damaged DICOM file: its header cannot be read") from error
    patient, study, series, instance = (texts[tag] for tag in _TAGS)
    identity = Identity(patient, study, series, instance, _attributes(texts))
    if not (is_dicom(data) or identity.instance):
        raise InvalidInput(path, "is no DICOM file")
    return identity


def _attributes(texts: Mapping[str, str]) -> dict[str, str]:
    """The attributes of a header's texts; those in no known form are left out: headers are as devices write them."""
    device = " ".join(filter(None, (texts["Manufacturer"], texts["ManufacturerModelName"])))[: attributes.LONGEST]
    given = {
        attributes.SEX: texts["PatientSex"],
        attributes.AGE_BAND: _age(texts),
        attributes.DEVICE: device,
        attributes.VIEW: texts["ViewPosition"] if _CODE_STRING.fullmatch(texts["ViewPosition"]) else "",
    }
    found = {}
    for name, text in given.items():
        with contextlib.suppress(InvalidInput):
            found[name] = attributes.normalised(name, text, name)
    return {name: value for name, value in found.items() if value}


def _age(texts: Mapping[str, str]) -> str:
    """The patient's age as the header has it, or in years from the birth to the study; "" where it has neither."""
    age, birth = texts["PatientAge"], texts["PatientBirthDate"]
    if age not in ("", _NO_AGE):
        return age
    if birth == _NO_BIRTH_DATE:
        return ""
    try:
        born, seen = date.fromisoformat(birth), date.fromisoformat(texts["StudyDate"])
    except ValueError:
        return ""
    years = seen.year - born.year - ((seen.month, seen.day) < (born.month, born.day))
    return str(years)
