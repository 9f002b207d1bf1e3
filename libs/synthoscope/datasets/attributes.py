"""What is kept of an image besides its class, for results by subgroup: sex, age band, device, view.

Ages are kept as bands of ten years, since a patient's age in years helps to tell who it is; those of 90 and more are
one band (45 CFR 164.514(b)(2), "safe harbor").
"""

import re
from collections.abc import Mapping, Sequence

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage
from synthoscope.rpc.errors import InvalidInput

SEX, AGE_BAND, DEVICE, VIEW = "sex", "age_band", "device", "view"

MOST = 8
"""Attributes of an image."""

LONGEST = 64
"""Characters of a value."""

_UNKNOWN = frozenset({"", "na", "n/a", "nan", "none", "unknown", "?"})
_SEXES = {"f": "F", "female": "F", "m": "M", "male": "M", "o": "O", "other": "O"}
_AGE = re.compile(r"0*(\d{1,3})(?:\.\d+)?\s*([ymwd]?)(?:ears?|r)?", re.IGNORECASE)
_BAND = re.compile(r"(\d{1,2})\s*-\s*(\d{1,2})|90\+")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


def normalised(name: str, text: str, field: str) -> str:
    """An attribute's value in its one form, "" when the text says that it is not known.

    Raises InvalidInput, naming the field, for a name or a value that is none.
    """
    text = " ".join(text.split())
    if not _NAME.fullmatch(name):
        raise InvalidInput(field, f"an attribute's name must match {_NAME.pattern}, not {name!r}")
    if text.lower() in _UNKNOWN:
        return ""
    if name == SEX:
        return _sex(text, field)
    if name == AGE_BAND:
        return _age_band(text, field)
    if len(text) > LONGEST or not text.isprintable():
        raise InvalidInput(field, f"must be at most {LONGEST} printable characters")
    return text


def columns(images: Sequence[DatasetImage]) -> Mapping[str, list[str]]:
    """By attribute that any image has, each image's value; "" where it is not known."""
    names = sorted({name for image in images for name in image.attributes})
    return {name: [image.attributes.get(name, "") for image in images] for name in names}


def check(attributes: Mapping[str, str], field: str) -> None:
    """Raises InvalidInput, naming the field, unless attributes are in the form that is kept."""
    if len(attributes) > MOST:
        raise InvalidInput(field, f"must be at most {MOST}, not {len(attributes)}")
    for name, value in attributes.items():
        if not value or normalised(name, value, f"{field}.{name}") != value:
            raise InvalidInput(f"{field}.{name}", f"must be {normalised(name, value, field) or 'left out'!r}")


def _sex(text: str, field: str) -> str:
    if text.lower() not in _SEXES:
        raise InvalidInput(field, f"must be F, M or O (or female, male, other), not {text!r}")
    return _SEXES[text.lower()]


def _age_band(text: str, field: str) -> str:
    """ "40-49" of "45", "045Y", "45 years" or "40-49"; months, weeks and days are of the first ten years."""
    if band := _BAND.fullmatch(text):
        low, high = (int(part) for part in band.groups()) if band[1] else (90, 99)
        if low % 10 or high != low + 9:
            raise InvalidInput(field, f"must be a band of ten years such as 40-49, not {text!r}")
        return _band(low)
    age = _AGE.fullmatch(text)
    if age is None or (int(age[1]) > 130 and age[2].lower() in ("", "y")):
        raise InvalidInput(field, f"must be an age in years, such as 45 or 045Y, or a band such as 40-49, not {text!r}")
    return _band(int(age[1]) if age[2].lower() in ("", "y") else 0)


def _band(age: int) -> str:
    return "90+" if age >= 90 else f"{age // 10 * 10}-{age // 10 * 10 + 9}"
