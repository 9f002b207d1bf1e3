"""Files and a table of labels, put together."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath

from synthoscope.api.datasets.v1.datasets_pb2 import Split
from synthoscope.datasets.paths import PATH_RULE, is_safe
from synthoscope.datasets.sources import dicom, holding_out
from synthoscope.datasets.sources.scan import Scan, SourceFile, SourceImage
from synthoscope.datasets.sources.tables import Row
from synthoscope.images.decoding import is_dicom
from synthoscope.rpc.errors import InvalidInput

Find = Callable[[str], SourceFile | None]
"""The file of a path; None when there is none."""


def label_files(rows: Sequence[Row], find: Find, files: Callable[[], Iterable[SourceFile]], seed: int = 0) -> Scan:
    """The images that a table names, with what it says of them.

    `find` gives the file of a path; `files` all of them, asked for only where rows name DICOM UIDs: such a row stands
    for every file with that UID. Without splits in the table, 20 % of every class become the test split. A patient that
    the table does not give is taken from the file, if that is DICOM.

    Raises InvalidInput, with the line, for a file that is not there or is named twice, and a table that gives only some
    rows a split.
    """
    by_uid = _by_uid(files()) if any(not row.path for row in rows) else {}
    used = [row for row in rows if not row.unused]
    images = _unique((row, image) for row in used for image in _images(row, find, by_uid))
    notes = [
        f"{len(rows) - len(used)} rows are for validation and are not used; validation images are held out of train"
    ]
    if any(image.split for image in images):
        unplaced = next((row for row in used if row.split is None), None)
        if unplaced is not None:
            raise InvalidInput(unplaced.place, "has no split, but other rows have; give every row one, or none")
    else:
        images = holding_out.hold_out(images, seed)
        notes.append(holding_out.note(seed))
    classes = tuple(sorted({image.label for image in images}))
    notes = notes if len(used) < len(rows) else notes[1:]
    return Scan(tuple(sorted(images, key=lambda image: image.path)), classes, tuple(notes))


def disagreements(scan: Scan) -> list[SourceImage]:
    """Images that lie in the folder of one class while their table gives them another."""
    classes = set(scan.classes)
    return [
        image
        for image in scan.images
        if (folder := PurePosixPath(image.file.path).parent.name) in classes and folder != image.label
    ]


def _unique(found: Iterable[tuple[Row, SourceImage]]) -> list[SourceImage]:
    images: dict[str, SourceImage] = {}
    for row, image in found:
        if image.path in images:
            raise InvalidInput(row.place, f"names {image.path!r}, as another row does")
        images[image.path] = image
    return list(images.values())


def _images(row: Row, find: Find, by_uid: dict[str, list[SourceFile]]) -> list[SourceImage]:
    if row.path and not is_safe(row.path):
        raise InvalidInput(row.place, f"its path {PATH_RULE}")
    found = find(row.path) if row.path else None
    files = [found] if found else by_uid.get(row.uid, [])
    if not files:
        what = f"file {row.path!r}" if row.path else "DICOM file with its UID"
        raise InvalidInput(row.place, f"there is no {what} beside the table")
    return [_image(row, file) for file in files]


def _image(row: Row, file: SourceFile) -> SourceImage:
    """One file as a row describes it; what the table does not say of it is taken from a DICOM file's header."""
    header = dicom.identity_of(file)
    return SourceImage(
        path=f"{file.path}#{row.frame}" if row.frame else file.path,
        split=row.split or Split.SPLIT_UNSPECIFIED,
        label=row.label,
        file=file,
        patient=row.patient or header.patient,
        frame=row.frame,
        attributes={**header.attributes, **row.attributes},
    )


def _by_uid(files: Iterable[SourceFile]) -> dict[str, list[SourceFile]]:
    found: defaultdict[str, list[SourceFile]] = defaultdict(list)
    for file in files:
        data = file.read()
        if is_dicom(data):
            for uid in dicom.parse(data, file.path).uids:
                found[uid].append(file)
    return found
