"""What a DICOM file says of whom and what it shows, read on the caller's side, where it may still be known."""

import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath

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


@dataclass(frozen=True)
class Identity:
    """Identifiers of a DICOM file as they stand in it; empty where absent."""

    patient: str = ""
    study: str = ""
    series: str = ""
    instance: str = ""

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
            header = dcmread(io.BytesIO(data), stop_before_pixels=True, specific_tags=_TAGS, force=True)
            identity = Identity(*(str(header.get(tag) or "").strip() for tag in _TAGS))
    except _PYDICOM_ERRORS as error:
        raise InvalidInput(path, "is a damaged DICOM file: its header cannot be read") from error
    if not (is_dicom(data) or identity.instance):
        raise InvalidInput(path, "is no DICOM file")
    return identity
