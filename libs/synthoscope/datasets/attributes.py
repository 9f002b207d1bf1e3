"""What is kept of an image besides its class, for results by subgroup: sex, age band, device, view.

Ages are kept as bands of ten years, since a patient's age in years helps to tell who it is; those of 90 and more are
one band (45 CFR 164.514(b)(2), "safe harbor").
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from synthoscope.api.datasets.v1.datasets_pb2 import AttributeCount, DatasetImage
from synthoscope.rpc.errors import InvalidInput

SEX, AGE_BAND, DEVICE, VIEW = "sex", "age_band", "device", "view"

MOST = 8
"""Attributes of an image."""

LONGEST = 64
"""Characters of a value."""

MOST_VALUES = 1000
"""Values of an attribute in a version. What has more is no subgroup, and may tell who a patient is."""

MOST_COUNTED = 50
"""Values of an attribute whose images a version counts."""

_OLDEST = 130
_UNKNOWN = frozenset({"", "-", "?", "na", "n/a", "nan", "none", "null", "unknown"})
_SEXES = {"f": "F", "female": "F", "m": "M", "male": "M", "o": "O", "other": "O", "u": ""}
_AGE = re.compile(r"0*(\d{1,3})(?:\.\d*)?\s*(y|m|w|d|yrs?|years?|months?|weeks?|days?)?", re.ASCII | re.IGNORECASE)
_A_YEAR = {"y": 1, "m": 12, "w": 52, "d": 365}
_BAND = re.compile(r"(\d{1,3})\s*[-–]\s*(\d{1,3})", re.ASCII)
_LAST_BAND = "90+"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_OF_PATIENTS = frozenset(
    {"age", "patient_age", "patientage", "birth_date", "date_of_birth", "dob", "patientbirthdate"}
    | {"name", "patient", "patient_id", "patientid", "patient_name", "patientname"}
)  # fmt: skip


def name_of(column: str) -> str:
    """The attribute's name for a table's column: "sub_type" of "Sub Type"."""
    return re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_")


def check_name(name: str, field: str) -> None:
    """Raises InvalidInput, naming the field, when an attribute cannot be called so."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(field, f"an attribute's name must match {_NAME.pattern}, not {name[:40]!r}")
    if name in _OF_PATIENTS:
        raise InvalidInput(
            field, f"{name} would tell who a patient is; ages are kept as age_band, and the patient has its own field"
        )


def normalised(name: str, text: str, field: str) -> str:
    """An attribute's value in its one form, "" when the text says that it is not known.

    Raises InvalidInput, naming the field, for what is no value of it; the error does not repeat the text.
    """
    text = " ".join(text.split())
    if text.lower() in _UNKNOWN:
        return ""
    if name == SEX:
        return _sex(text, field)
    if name == AGE_BAND:
        return _age_band(text, field)
    if len(text) > LONGEST or not text.isprintable():
        raise InvalidInput(field, f"must be at most {LONGEST} printable characters")
    return text


def check(attributes: Mapping[str, str], field: str) -> None:
    """Raises InvalidInput, naming the field, unless attributes are in the form that is kept."""
    if len(attributes) > MOST:
        raise InvalidInput(field, f"must be at most {MOST}, not {len(attributes)}")
    for name, value in attributes.items():
        check_name(name, field)
        kept = normalised(name, value, f"{field}.{name}")
        if not kept:
            raise InvalidInput(f"{field}.{name}", "must be left out, since it is not known")
        if kept != value:
            raise InvalidInput(f"{field}.{name}", f"must be {kept!r}")


def check_variety(images: Sequence[DatasetImage], field: str) -> None:
    """Raises InvalidInput, naming the field, for an attribute with so many values that it makes no subgroups."""
    values = defaultdict(set)
    for image in images:
        for name, value in image.attributes.items():
            values[name].add(value)
    for name, found in sorted(values.items()):
        if len(found) > MOST_VALUES:
            raise InvalidInput(
                f"{field}.attributes.{name}", f"has {len(found)} values; subgroups may have {MOST_VALUES} at most"
            )


def columns(images: Sequence[DatasetImage]) -> Mapping[str, list[str]]:
    """By attribute that any image has, each image's value; "" where it is not known."""
    names = sorted({name for image in images for name in image.attributes})
    return {name: [image.attributes.get(name, "") for image in images] for name in names}


def counts(images: Sequence[DatasetImage]) -> list[AttributeCount]:
    """Images by attribute, value ("" unknown) and split; of each attribute, the most frequent values."""
    found = []
    splits = [image.split for image in images]
    for name, values in columns(images).items():
        shown = {value for value, _ in Counter(values).most_common(MOST_COUNTED)}
        pairs = Counter(pair for pair in zip(values, splits, strict=True) if pair[0] in shown)
        found += [
            AttributeCount(attribute=name, value=value, split=split, count=count)
            for (value, split), count in sorted(pairs.items())
        ]
    return found


def _sex(text: str, field: str) -> str:
    if text.lower() not in _SEXES:
        raise InvalidInput(field, "must be F, M or O (or female, male, other)")
    return _SEXES[text.lower()]


def _age_band(text: str, field: str) -> str:
    """ "40-49" of "45", "045Y", "45 years" or "40-49"; "0-9" of "006M"."""
    if text == _LAST_BAND:
        return text
    if band := _BAND.fullmatch(text):
        low, high = int(band[1]), int(band[2])
        if low % 10 or high != low + 9:
            raise InvalidInput(field, "must be a band of ten years such as 40-49, or 90+")
        return _band(low)
    age = _AGE.fullmatch(text)
    years = int(age[1]) // _A_YEAR[(age[2] or "y")[0].lower()] if age else _OLDEST + 1
    if years > _OLDEST:
        raise InvalidInput(field, "must be an age in years, such as 45 or 045Y, or a band such as 40-49")
    return _band(years)


def _band(age: int) -> str:
    return _LAST_BAND if age >= 90 else f"{age // 10 * 10}-{age // 10 * 10 + 9}"
