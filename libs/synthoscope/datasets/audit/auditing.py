"""The whole audit, from images to report."""

import time
from collections.abc import Sequence

from synthoscope.api.datasets.v1.audits_pb2 import DatasetAudit, Outlier, Shortcut
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage
from synthoscope.datasets.audit.copies import find_copies
from synthoscope.datasets.audit.descriptors import Descriptors, describe
from synthoscope.datasets.audit.labels import balance, patients
from synthoscope.datasets.audit.oddities import odd_files
from synthoscope.datasets.audit.outliers import outliers
from synthoscope.datasets.audit.pictures import Picture, Pictures, Progress, Read, read_pictures
from synthoscope.datasets.audit.shortcuts import shortcuts
from synthoscope.datasets.audit.symmetries import SYMMETRIES
from synthoscope.datasets.audit.twins import Twins
from synthoscope.datasets.manifest import SPLIT_NAMES


def audit(
    images: Sequence[DatasetImage], read: Read, on_progress: Progress = lambda done, total: None, threads: int = 2
) -> DatasetAudit:
    """Looks at every image of a dataset version and reports what is wrong with them.

    `read` gives an image's bytes and is called from `threads` threads; `on_progress(done, total)` is called now and
    then while images are read. A file that cannot be read, or is gone, is reported as odd. `name`, `code_version` and
    `create_time` of the report are left to the caller.
    """
    start = time.monotonic()
    pictures = read_pictures(images, read, on_progress, threads)
    # A picture of a single grey is a copy of nothing but itself. It comes last: links count groups from 0.
    groups = sorted(pictures.groups(), key=lambda group: pictures.at(group[0]).constant)
    shown = [group for group in groups if not pictures.at(group[0]).constant]
    thumbnails = pictures.thumbnails_of([group[0] for group in shown])
    descriptors = describe(thumbnails) if shown else None
    twins = Twins(images, groups, find_copies(thumbnails, descriptors, threads) if descriptors else [])
    report = twins.report()
    report.image_count = len(images)
    report.patients.CopyFrom(patients(images))
    report.shortcuts.extend(_shortcuts(images, pictures, twins))
    report.odd_files.extend(odd_files(images, pictures.found))
    report.balance.CopyFrom(balance(images))
    if descriptors:
        report.outliers.extend(_outliers(images, shown, descriptors))
    report.seconds = time.monotonic() - start
    return report


def _shortcuts(images: Sequence[DatasetImage], pictures: Pictures, twins: Twins) -> list[Shortcut]:
    cluster_of = {index: index for index in range(len(images))} | {
        index: members[0] for members in twins.clusters() for index in members
    }
    known = [index for index, picture in enumerate(pictures.found) if isinstance(picture, Picture)]
    targets = {
        "label": [images[index].label for index in known],
        "split": [SPLIT_NAMES[images[index].split] for index in known],
    }
    return shortcuts([pictures.at(index) for index in known], [cluster_of[index] for index in known], targets)


def _outliers(
    images: Sequence[DatasetImage], groups: Sequence[Sequence[int]], descriptors: Descriptors
) -> list[Outlier]:
    members = [(position, index) for position, group in enumerate(groups) for index in group]
    vectors = descriptors.vectors(SYMMETRIES["none"])[[position for position, _ in members]]
    found = outliers(vectors, [images[index].label for _, index in members])
    return [
        Outlier(path=images[index].path, label=images[index].label, score=score)
        for index, score in ((members[row][1], score) for row, score in found)
    ]
