"""De-identification of DICOM images by the Basic Application Level Confidentiality Profile (PS3.15, annex E).

What is not on a list does not get through. The profile's table E.1-1 names what must go, and it grows every year; here
everything goes but the attributes that pixels, their presentation and their geometry need (KEPT). None of them is free
text, a date or a time. What describes the image is dropped where it has not its type's form, since it might then be
text after all; where the picture depends on it, the file is refused. Sequences are filtered item by item in the
same way; private attributes, overlays and curves are never kept. Bits of a pixel that its image does not use, and
bytes behind the pixels, are cleared: overlays were once kept there.

UIDs are replaced by the tenant's pseudonyms of them, except those that the standard itself assigns. Patient ID becomes
the patient's pseudonym; the other attributes that an image must have (type 2) are there and empty.

Not cleaned: text that is burned into the pixels (such images are refused, see `burned_in`), faces that a volume of
slices would show, and what a compressed stream carries beside its pixels, such as a JPEG comment.
"""

import io
import re
from collections.abc import Callable, Mapping

import numpy as np
from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import UID

from synthoscope.images.decoding import ImagingIdentity
from synthoscope.images.dicom_attributes import EMPTY, KEPT, PICTURE
from synthoscope.images.dicom_description import PixelDescription
from synthoscope.images.dicom_files import DicomFile
from synthoscope.pseudonyms import TenantPseudonyms
from synthoscope.rpc.errors import InvalidInput

METHOD = "PS3.15 Basic Application Level Confidentiality Profile; attributes kept by list"
_BASIC_PROFILE = ("113100", "DCM", "Basic Application Confidentiality Profile")

_IMPLEMENTATION = UID("2.25.313926428446352349183407340124470128713")
_STANDARD_UIDS = "1.2.840.10008."
_NUMBER = re.compile(r"[-+0-9.eE ]{0,64}")
_FORMS: Mapping[str, Callable[[str], object]] = {
    "CS": re.compile(r"[A-Z0-9 _]{0,16}").fullmatch,
    "DS": _NUMBER.fullmatch,
    "IS": _NUMBER.fullmatch,
    "UI": re.compile(r"[0-9.]{0,64}").fullmatch,
}


def deidentify(
    file: DicomFile, found: PixelDescription, pseudonyms: TenantPseudonyms, field: str
) -> tuple[bytes, ImagingIdentity]:
    """The de-identified file, in the same transfer syntax, and whom and what it is of.

    The same file gives the same bytes every time. Raises InvalidInput, and pydicom's errors, for malformed values.
    """
    original, syntax = file.dataset, file.transfer_syntax
    kept = _kept(original, pseudonyms, field)
    for keyword in EMPTY:
        setattr(kept, keyword, "")
    kept.PatientID = pseudonyms.patient(_text(original, "PatientID"))
    kept.PatientIdentityRemoved = "YES"
    kept.DeidentificationMethod = METHOD
    kept.DeidentificationMethodCodeSequence = Sequence([_code(*_BASIC_PROFILE)])
    kept.LongitudinalTemporalInformationModified = "REMOVED"
    if found.keyword == "PixelData" and not syntax.is_encapsulated:
        _clear_unused_bits(kept, found, syntax)
    identity = ImagingIdentity(
        kept.PatientID, str(kept.get("StudyInstanceUID", "")), str(kept.get("SOPInstanceUID", ""))
    )
    return _written(kept, syntax), identity


def _kept(original: Dataset, pseudonyms: TenantPseudonyms, field: str) -> Dataset:
    kept = Dataset()
    for tag in original.keys():  # noqa: SIM118 (a data set iterates over its elements, and reads them)
        keyword = keyword_for_tag(tag)
        if keyword not in KEPT:
            continue  # unread: it may be anything
        element = original[tag]
        if element.VR == "SQ":
            items = Sequence([_kept(item, pseudonyms, field) for item in element.value])
            kept.add(DataElement(element.tag, "SQ", items))
        elif _has_its_form(element):
            kept.add(_renamed(element, pseudonyms) if element.VR == "UI" else element)
        elif keyword in PICTURE:
            raise InvalidInput(field, f"has a {keyword} that is not of its type, {element.VR}")
    return kept


def _has_its_form(element: DataElement) -> bool:
    form = _FORMS.get(element.VR)
    values = element.value if element.VM > 1 else [element.value]
    return form is None or all(form("" if value is None else str(value)) for value in values)


def _renamed(element: DataElement, pseudonyms: TenantPseudonyms) -> DataElement:
    return DataElement(element.tag, "UI", _uid(str(element.value or ""), pseudonyms))


def _uid(uid: str, pseudonyms: TenantPseudonyms) -> str:
    return pseudonyms.uid(uid) if uid and not uid.startswith(_STANDARD_UIDS) else uid


def _text(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    return "" if value is None else str(value)


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def _clear_unused_bits(kept: Dataset, found: PixelDescription, syntax: UID) -> None:
    """Cuts what is behind the pixels, and makes the bits above those stored what the sign says."""
    # In big endian order the padding comes before the last of an odd number of bytes.
    length = found.native_bytes + (not syntax.is_little_endian and found.native_bytes % 2)
    data = kept.PixelData[:length]
    unused = found.allocated - found.stored
    if unused and found.allocated > 1:
        kind = "i" if kept.get("PixelRepresentation") == 1 else "u"
        words = np.frombuffer(data, f"{'<' if syntax.is_little_endian else '>'}{kind}{found.allocated // 8}")
        data = ((words << unused) >> unused).astype(words.dtype).tobytes()
    kept.PixelData = data + bytes(len(data) % 2)


def _written(kept: Dataset, syntax: UID) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(_text(kept, "SOPClassUID"))
    meta.MediaStorageSOPInstanceUID = UID(_text(kept, "SOPInstanceUID"))
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = _IMPLEMENTATION
    kept.file_meta = meta
    kept.preamble = bytes(128)
    buffer = io.BytesIO()
    dcmwrite(buffer, kept, enforce_file_format=False)
    return buffer.getvalue()
