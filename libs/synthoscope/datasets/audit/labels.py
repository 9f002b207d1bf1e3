"""Whose images, and how many of what: patients and class sizes."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from synthoscope.api.datasets.v1.audits_pb2 import ClassBalance, PatientAudit, PatientOverlap
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split


def patients(images: Sequence[DatasetImage]) -> PatientAudit:
    """What the patient ids say; images without one are left out."""
    of_patient = defaultdict(list)
    for image in images:
        if image.patient:
            of_patient[image.patient].append(image)
    overlaps = [_overlap(patient, of_patient[patient]) for patient in sorted(of_patient)]
    return PatientAudit(
        images_with_id=sum(map(len, of_patient.values())),
        patients=len(of_patient),
        across_splits=[overlap for overlap in overlaps if overlap.train and overlap.test],
        with_several_labels=sum(len({image.label for image in own}) > 1 for own in of_patient.values()),
    )


def _overlap(patient: str, images: Sequence[DatasetImage]) -> PatientOverlap:
    train = sum(image.split == Split.SPLIT_TRAIN for image in images)
    return PatientOverlap(patient=patient, train=train, test=len(images) - train)


def balance(images: Sequence[DatasetImage]) -> ClassBalance:
    """Class sizes of the training split, and the largest over the smallest (0 without training images)."""
    train = Counter({image.label: 0 for image in images})
    train.update(image.label for image in images if image.split == Split.SPLIT_TRAIN)
    ratio = max(train.values(), default=0) / max(min(train.values(), default=0), 1)
    return ClassBalance(train=train, ratio=ratio)
