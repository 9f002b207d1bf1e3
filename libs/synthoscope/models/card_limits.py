"""What a model is meant for, and what its record does not show: the part of its card that is said in sentences."""

import math
from collections.abc import Iterator

from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelOutput, ModelVersion
from synthoscope.models import evaluations


def intended_use(version: ModelVersion) -> str:
    """What it is meant for."""
    if version.kind != ModelKind.MODEL_KIND_CLASSIFIER:
        return (
            "Makes images that resemble its training images, to train classifiers on once a set of them has been "
            "measured and admitted. No image that it makes is of a patient, or evidence of anything."
        )
    what = "the probability of each finding" if _findings(version) else "the probability of each class"
    return (
        f"Gives {what} for one image of the kind that it was trained on, for research and teaching, beside the "
        "judgement of a physician who sees the image. It is no medical device and decides nothing alone."
    )


def limits(version: ModelVersion) -> list[str]:
    """What its users should know that it cannot do, or that nobody has measured."""
    classifier = version.kind == ModelKind.MODEL_KIND_CLASSIFIER
    return list(_limits_of_classifiers(version) if classifier else _limits(version))


def _limits(version: ModelVersion) -> Iterator[str]:
    yield "What it makes of other images than those of its dataset version was not measured."
    if version.lineage.accepted_unadmitted:
        yield "It was trained with the permission to use synthetic images that are not admitted."


def _limits_of_classifiers(version: ModelVersion) -> Iterator[str]:
    yield from _limits(version)
    if version.lineage.synthetic_only:
        yield "It learned from synthetic images alone; real ones only chose its best epoch and calibrated it."
    yield from _limits_of_measurement(version)
    reliability = version.reliability
    if not reliability.temperature:
        yield "Its probabilities are not calibrated."
    if not reliability.HasField("out_of_distribution"):
        yield "It refuses no image: it answers whatever it is shown, also what is no image of its kind."
    if not _findings(version) and not reliability.HasField("conformal"):
        yield "It gives no prediction sets."
    if math.isinf(reliability.conformal.threshold):
        yield "Its prediction sets say nothing: they were fitted on too few images, so every class is in every set."
    if not version.robustness:
        yield "How it fares on brighter, noisier or blurred images was not measured."


def _limits_of_measurement(version: ModelVersion) -> Iterator[str]:
    test, deduplicated = (evaluations.find(version, split) for split in (evaluations.TEST, evaluations.DEDUPLICATED))
    if test is None:
        yield "It was not measured on a test split; results on validation images took part in choosing its weights."
    elif deduplicated is None:
        yield "Nobody looked for copies of training images among its test images: its test results may be too good."
    elif not deduplicated.classes:
        yield "Every one of its test images has a copy, or another image of its patient, in training."
    if not any(evaluation.subgroups for evaluation in version.evaluations):
        yield "Whether it serves all groups of people and all devices alike was not measured."


def _findings(version: ModelVersion) -> bool:
    return version.output == ModelOutput.MODEL_OUTPUT_FINDINGS
