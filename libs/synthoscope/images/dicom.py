"""Decoding of DICOM files: what is checked, described and shown, in one place."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from pydicom import config
from pydicom.errors import BytesLengthException, InvalidDicomError

from synthoscope.images.decoding import DICOM, ImageFacts, check_file, check_size
from synthoscope.images.dicom_description import PixelDescription, describe
from synthoscope.images.dicom_files import DicomFile, read_dicom
from synthoscope.images.dicom_pixels import frame_pixels
from synthoscope.rpc.errors import InvalidInput, SynthoscopeError

# Values that break the rules of their type are common, and of no harm where they are not used.
config.settings.reading_validation_mode = config.IGNORE

_PYDICOM_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BytesLengthException,
    EOFError,
    InvalidDicomError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    Warning,
    struct.error,
    zlib.error,
)


class DicomImage:
    """An opened file, of which frames can be asked for."""

    def __init__(self, file: DicomFile, description: PixelDescription, field: str) -> None:
        self.file, self.description, self._field = file, description, field

    @property
    def facts(self) -> ImageFacts:
        """What the file says of itself."""
        found = self.description
        return ImageFacts(DICOM, found.columns, found.rows, found.mode, found.frames)

    def frame(self, index: int) -> NDArray[np.uint8]:
        """A frame as uint8 RGB, height × width × 3. Raises InvalidInput."""
        if not 0 <= index < self.description.frames:
            raise InvalidInput("frame", f"must be in [0, {self.description.frames - 1}]: the image's frames")
        with translated(self._field):
            return frame_pixels(self.file.dataset, self.file.transfer_syntax, self.description, index, self._field)


def open_image(data: bytes, field: str) -> DicomImage:
    """Opens a DICOM file. Raises what `check_file`, `read_dicom`, `describe` and `check_size` raise."""
    check_file(data, field)
    with translated(field):
        file = read_dicom(data, field)
        description = describe(file.dataset, file.transfer_syntax, field)
    check_size(description.columns, description.rows, field)
    return DicomImage(file, description, field)


@contextmanager
def translated(field: str) -> Iterator[None]:
    """Makes an InvalidInput of what pydicom raises for a damaged file; its own words may quote the file."""
    try:
        yield
    except SynthoscopeError:
        raise
    except _PYDICOM_ERRORS as error:
        raise InvalidInput(
            field, "is a damaged DICOM file, or one that is encoded in a way that is not supported"
        ) from error
