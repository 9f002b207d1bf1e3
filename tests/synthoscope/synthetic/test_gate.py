"""A few planted sets of phantoms; benchmarks/gate.py judges hundreds, and of real images."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest

from benchmarks import gate as planted
from synthoscope.api.synthesis.v1.synthesis_pb2 import Admission, Verdict
from synthoscope.metrics.efficientnet_lite0_onnx import EfficientNetLite0
from synthoscope.metrics.labelled_images import LabelledImages
from synthoscope.synthetic.copies import CopyFinder
from synthoscope.synthetic.gate import Made, judge

LABELS = ("notumor", "pituitary")
IMAGES = 120
EXTRACTOR = planted.Remembering(EfficientNetLite0())


@cache
def source() -> planted.Source:
    return planted.phantom_source(200, IMAGES, LABELS)


@cache
def finder() -> CopyFinder:
    return CopyFinder(source().training)


def judged(images: np.ndarray, labels: np.ndarray, made: Made | None = None, classes: Sequence[str] = ()) -> Verdict:
    training = LabelledImages(source().training, source().training_labels.tolist())
    generated = LabelledImages(images, labels.tolist())
    return judge(generated, training, EXTRACTOR, made, finder=finder(), classes=classes)


def failing(verdict: Verdict) -> set[str]:
    return {item.name for item in verdict.criteria if item.admission == Admission.ADMISSION_REFUSED}


def test_held_out_real_images_are_admitted() -> None:
    verdict = judged(source().held_out, source().held_out_labels)
    assert verdict.admission == Admission.ADMISSION_ADMITTED
    assert (verdict.measured_images, verdict.reference_images) == (IMAGES, 200)
    assert all(item.HasField("value") and item.finding for item in verdict.criteria)
    again = judged(source().held_out, source().held_out_labels)
    assert again == verdict


@pytest.mark.parametrize(
    ("kind", "variant", "criterion"),
    [
        ("collapsed", "to 1 a class", "coverage"),
        ("collapsed", "one class", "worst_class_recall"),
        ("labels", "shuffled", "label_agreement"),
        ("labels", "of two classes exchanged", "worst_class_agreement"),
        ("copies", "a tenth", "training_copies"),
    ],
)
def test_a_planted_bad_set_is_refused_for_what_is_wrong(kind: str, variant: str, criterion: str) -> None:
    verdict = judged(*planted.KINDS[kind][variant](source(), IMAGES, np.random.default_rng(1)))
    assert verdict.admission == Admission.ADMISSION_REFUSED
    assert criterion in failing(verdict)


def test_copies_count_that_were_filtered_out() -> None:
    verdict = judged(source().held_out, source().held_out_labels, Made(images=200, copies=80))
    assert failing(verdict) == {"training_copies"}


def test_what_cannot_be_measured_is_refused() -> None:
    images, labels = source().held_out, source().held_out_labels
    for few in (slice(0, 90), labels == LABELS[0], slice(0, 0)):
        verdict = judged(images[few], labels[few])
        assert verdict.admission == Admission.ADMISSION_REFUSED
        assert "generated_images" in failing(verdict)
        assert "could not be measured" in verdict.criteria[2].finding


def test_a_set_that_was_to_have_some_of_the_classes_is_judged_by_these() -> None:
    of_one = source().held_out_labels == LABELS[0]
    images, labels = source().held_out[of_one], source().held_out_labels[of_one]
    assert judged(images, labels, classes=LABELS[:1]).admission == Admission.ADMISSION_ADMITTED
    other = judged(images, np.full(len(images), LABELS[1]), classes=LABELS[1:])
    assert {"label_agreement", "worst_class_agreement"} <= failing(other)
    assert failing(judged(images, labels, classes=LABELS)) >= {"generated_images"}


def test_images_without_labels_are_for_study_at_best() -> None:
    verdict = judged(source().held_out, np.full(IMAGES, ""))
    assert verdict.admission == Admission.ADMISSION_FOR_STUDY
    assert not failing(verdict)
