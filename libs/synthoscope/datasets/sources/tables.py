"""CSV tables that say which file shows what.

The first line names the columns, in any order and any case; other columns are ignored:

- `path` (also `file`, `filename`, `image`): the file, relative to the table's folder; or, for DICOM files, one of
  `SOPInstanceUID`, `SeriesInstanceUID` and `StudyInstanceUID`
- `label` (also `class`, `diagnosis`): required
- `patient` (also `patient_id`, `patientid`): whose image it is
- `split` (also `set`): train or test; rows for validation are not used
- `frame`: which frame of a multi-frame DICOM file, from 0
- for results by subgroup: `sex` (also `gender`, `patient_sex`), `age_band` (also `age`, `patient_age`, in years),
  `device` (also `scanner`, `manufacturer`), `view` (also `view_position`, `projection`), and what is asked for

DICOM's names of these (PatientSex, PatientAge, ViewPosition) will do, too.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from synthoscope.api.datasets.v1.datasets_pb2 import Split
from synthoscope.datasets import attributes
from synthoscope.datasets.sources.scan import MOST_FILES, is_validation, split_of
from synthoscope.rpc.errors import InvalidInput, ResourceExhausted

LARGEST_TABLE = 256 << 20
"""Bytes."""

UID_COLUMNS = ("sopinstanceuid", "seriesinstanceuid", "studyinstanceuid")

_NAMES = {
    "path": ("path", "file", "filename", "image"),
    "label": ("label", "class", "diagnosis"),
    "patient": ("patient", "patient_id", "patientid"),
    "split": ("split", "set"),
    "frame": ("frame",),
    attributes.SEX: ("sex", "gender", "patient_sex", "patientsex"),
    attributes.AGE_BAND: ("age_band", "age", "patient_age", "patientage"),
    attributes.DEVICE: ("device", "scanner", "manufacturer"),
    attributes.VIEW: ("view", "view_position", "viewposition", "projection"),
}
_ATTRIBUTES = (attributes.SEX, attributes.AGE_BAND, attributes.DEVICE, attributes.VIEW)
_FACTS = frozenset({*_NAMES, *UID_COLUMNS} - {*_ATTRIBUTES})
"""What a row says of an image besides its attributes."""

_MOST_FRAMES = 100_000


@dataclass(frozen=True)
class Row:
    """One line of a table: where it stands ("labels.csv line 3"), what it names, and what it says of it."""

    place: str
    path: str
    uid: str
    label: str
    patient: str
    split: Split | None
    frame: int
    unused: bool
    attributes: Mapping[str, str] = field(default_factory=dict)


def read_table(data: bytes, name: str, columns: Mapping[str, str] | None = None, kept: Sequence[str] = ()) -> list[Row]:
    """The rows of a CSV table, UTF-8, separated by commas, semicolons or tabs; `name` is what to call it in errors.

    `columns` says which of its columns to take for one of ours ({"patient": "patient_key"}; {"device": ""} takes none);
    `kept` names further ones that become attributes of the images, called as `attributes.name_of` says. Raises
    InvalidInput, with the line, for what is missing or wrong in it, and ResourceExhausted over a million rows.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(name, "is not UTF-8 text") from error
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        header = [column.strip().lower() for column in next(reader, [])]
        places = _places(header, name, columns or {}, kept)
        return list(_rows(reader, places, name))
    except csv.Error as error:
        raise InvalidInput(f"{name} line {reader.line_num}", f"cannot be read as CSV: {error}") from error


def is_manifest(data: bytes) -> bool:
    """Whether bytes look like a table that gives paths (or DICOM's UIDs) and labels."""
    first, _, _ = data[:4096].partition(b"\n")
    text = first.decode("utf-8-sig", "replace")
    header = {column.strip(' "\r').lower() for column in text.split(_delimiter(text))}
    return not header.isdisjoint((*_NAMES["path"], *UID_COLUMNS)) and not header.isdisjoint(_NAMES["label"])


def _delimiter(text: str) -> str:
    header, _, _ = text.partition("\n")
    return max(",;\t", key=header.count)


def _places(header: list[str], name: str, columns: Mapping[str, str], kept: Sequence[str]) -> dict[str, int]:
    """Which of our columns, and of those to be kept, stands where."""
    if unknown := sorted(set(columns) - set(_NAMES)):
        raise InvalidInput("columns", f"there is no column {unknown[0]!r}; choose from {', '.join(_NAMES)}")
    chosen = {ours: (column.strip().lower(),) if column else () for ours, column in columns.items()}
    wanted = _NAMES | {uid: (uid,) for uid in UID_COLUMNS} | chosen
    places = {
        ours: header.index(found)
        for ours, names in wanted.items()
        if (found := next((name for name in names if name in header), None)) is not None
    }
    if absent := sorted(ours for ours, names in chosen.items() if names and ours not in places):
        raise InvalidInput(name, f"has no column {columns[absent[0]]!r}")
    if "label" not in places:
        raise InvalidInput(name, f"has no column 'label'; its first line must name its columns and has {header}")
    if not places.keys() & {"path", *UID_COLUMNS}:
        raise InvalidInput(name, f"has no column 'path' (or one of DICOM's UIDs); its first line has {header}")
    for column in kept:
        _keep(column.strip().lower(), header, name, places)
    if len(places.keys() - _FACTS) > attributes.MOST:
        raise InvalidInput("attribute", f"there are {len(places.keys() - _FACTS)}; at most {attributes.MOST} are kept")
    return places


def _keep(column: str, header: list[str], name: str, places: dict[str, int]) -> None:
    """Adds the place of a column that was asked for, unless it is an attribute already."""
    if column not in header:
        raise InvalidInput(name, f"has no column {column!r}; its first line has {header}")
    place, ours = header.index(column), attributes.name_of(column)
    taken = {place: ours for ours, place in places.items()}.get(place)
    if taken in _FACTS:
        raise InvalidInput("attribute", f"column {column!r} says each image's {taken}, which is no attribute")
    if taken is None:
        attributes.check_name(ours, "attribute")
        if ours in places or ours in _FACTS:
            raise InvalidInput("attribute", f"column {column!r} needs another name; {ours} is something else already")
        places[ours] = place


def _rows(reader: Iterator[list[str]], places: Mapping[str, int], name: str) -> Iterator[Row]:
    count = 0
    for cells in reader:
        place = f"{name} line {reader.line_num}"  # type: ignore[attr-defined]  # csv's reader has it
        if not any(cells):
            continue
        count += 1
        if count > MOST_FILES:
            raise ResourceExhausted(f"{name}: has more than {MOST_FILES} rows")
        yield _row({ours: cells[index].strip() for ours, index in places.items() if index < len(cells)}, place)


def _row(cells: Mapping[str, str], place: str) -> Row:
    split = cells.get("split", "")
    row = Row(
        place=place,
        path=cells.get("path", "").removeprefix("./"),
        uid=next((cells[column] for column in UID_COLUMNS if cells.get(column)), ""),
        label=cells.get("label", ""),
        patient=cells.get("patient", ""),
        split=split_of(split),
        frame=_frame(cells.get("frame", ""), place),
        unused=is_validation(split),
        attributes={
            ours: value
            for ours, text in cells.items()
            if ours not in _FACTS
            if (value := attributes.normalised(ours, text, f"{place}, {ours} {text[:40]!r}"))
        },
    )
    if split and row.split is None and not row.unused:
        raise InvalidInput(place, f"has split {split[:40]!r}; it must be train or test")
    if not row.label:
        raise InvalidInput(place, "has no label")
    if not (row.path or row.uid):
        raise InvalidInput(place, "names no file: its path is empty")
    return row


def _frame(text: str, place: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) > _MOST_FRAMES:
        raise InvalidInput(place, f"has frame {text[:40]!r}; it must be a number from 0 to {_MOST_FRAMES}")
    return int(text)
