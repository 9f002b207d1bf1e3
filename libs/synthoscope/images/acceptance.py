"""What happens to an image file before it may be stored: it is decoded whole, and DICOM is de-identified.

This runs in a process of its own (`decoders`), since anyone may have sent the file.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.charset import python_encoding
from pydicom.dataset import Dataset

from synthoscope.images.decoding import ImageFacts, ImagingIdentity, decode, is_dicom
from synthoscope.images.deidentification import deidentify
from synthoscope.images.dicom import open_image, translated
from synthoscope.images.dicom_attributes import IDENTIFYING
from synthoscope.pseudonyms import TenantPseudonyms
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput

_UID = re.compile(r"[0-9.]{1,64}")
_SCREEN_SAVE = "SCREEN SAVE"
_ULTRASOUND_AND_CAPTURES = (
    "1.2.840.10008.5.1.4.1.1.3",  # ultrasound, several frames
    "1.2.840.10008.5.1.4.1.1.6",  # ultrasound
    "1.2.840.10008.5.1.4.1.1.7",  # secondary capture
)


@dataclass(frozen=True)
class Rules:
    """What is accepted: DICOM with text burned into its pixels; DICOM that says whom it is of."""

    allow_burned_in_annotation: bool = False
    refuse_identifiers: bool = False


@dataclass(frozen=True)
class Accepted:
    """What to store, what it says of itself, and the pixels of its first frame, uint8 RGB, height × width × 3.

    For DICOM, `data` is the de-identified file and `identity` says whom and what it is of; None for other images.
    """

    data: bytes
    facts: ImageFacts
    identity: ImagingIdentity | None
    pixels: NDArray[np.uint8]


def accept(data: bytes, field: str, pseudonyms: TenantPseudonyms, rules: Rules) -> Accepted:
    """Decodes every frame of a PNG, JPEG or DICOM file, and de-identifies DICOM.

    Raises what `decode` raises; InvalidInput besides for a DICOM file with an unknown character set or malformed UIDs;
    FailedPrecondition when identifying text may be burned into its pixels or, where the rules say so, when it carries
    identifiers.
    """
    if not is_dicom(data):
        decoded = decode(data, field)
        return Accepted(data, decoded.facts, None, decoded.pixels)
    original = open_image(data, field)
    with translated(field):
        _check(original.file.dataset, field, rules)
        stored, identity = deidentify(original.file, original.description, pseudonyms, field)
    image = open_image(stored, field)
    first = image.frame(0)
    for index in range(1, image.facts.frames):
        image.frame(index)
    return Accepted(stored, image.facts, identity, first)


def _check(dataset: Dataset, field: str, rules: Rules) -> None:
    for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        if (value := dataset.get(keyword)) and not _UID.fullmatch(str(value)):
            raise InvalidInput(field, f"is a DICOM file whose {keyword} is no UID")
    _check_character_set(dataset, field)
    if rules.refuse_identifiers and dataset.get("PatientIdentityRemoved") != "YES":
        for keyword in IDENTIFYING:
            if dataset.get(keyword):
                raise FailedPrecondition(f"{field}: carries a {keyword}; this service takes de-identified images only")
    reason = burned_in(dataset)
    if reason and not rules.allow_burned_in_annotation:
        raise FailedPrecondition(
            f"{field}: {reason}. Look at it, and when its pixels identify nobody, "
            "upload it with allow_burned_in_annotation"
        )


def _check_character_set(dataset: Dataset, field: str) -> None:
    value = dataset.get("SpecificCharacterSet")
    terms = [value] if isinstance(value, str) else value or []
    if any(str(term) not in python_encoding for term in terms):
        raise InvalidInput(field, "is a DICOM file in a character set that the standard does not know")


def burned_in(dataset: Dataset) -> str:
    """Why identifying text may be burned into the pixels; "" when nothing speaks for it.

    An image that does not say anything is suspected when it is ultrasound, a secondary capture (a film, a screen, a
    document) or a saved screen: they show the patient's name more often than not.
    """
    stated = str(dataset.get("BurnedInAnnotation") or "")
    if stated == "NO":
        return ""
    if stated:
        return "says that text is burned into its pixels (BurnedInAnnotation)"
    image_type = dataset.get("ImageType") or ()
    suspicious = (
        str(dataset.get("SOPClassUID") or "").startswith(_ULTRASOUND_AND_CAPTURES)
        or dataset.get("Modality") in ("US", "SC")
        or dataset.get("ConversionType")
        or _SCREEN_SAVE in ([image_type] if isinstance(image_type, str) else image_type)
    )
    if not suspicious:
        return ""
    return "is ultrasound or a captured picture that does not say whether text is burned into its pixels"
