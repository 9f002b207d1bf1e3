"""From a classifier's answer to a diagnosis."""

from collections.abc import Sequence

import numpy as np
from google.protobuf.json_format import MessageToDict
from numpy.typing import NDArray

from services.classification.trailing import weights_sha256
from synthoscope.api.classification.v1.classification_pb2 import (
    ClassProbability,
    Diagnosis,
    PredictionSet,
    Refusal,
    RefusalReason,
    Strangeness,
)
from synthoscope.api.models.v1.models_pb2 import ModelOutput, ModelVersion
from synthoscope.classifier.answering import Answer
from synthoscope.datasets.findings import SEPARATOR
from synthoscope.images.decoding import ImageFacts, ImagingIdentity
from synthoscope.models.preprocessing import pipeline_of
from synthoscope.rpc.errors import InvalidInput

_UNLIKE = Refusal(
    reason=RefusalReason.REFUSAL_REASON_OUT_OF_DISTRIBUTION,
    message="the image is unlike those that the model was trained on",
)
_PRESENT = 0.5
"""Probability from which a finding is answered."""


def check_frames(facts: ImageFacts, field: str) -> None:
    """Raises InvalidInput, naming `field`, for an image of several frames: which one is to be diagnosed is not said."""
    if facts.frames > 1:
        raise InvalidInput(field, f"has {facts.frames} frames; send images of one frame")


def diagnosis_of(
    arrived: int, model: ModelVersion, answer: Answer, identity: ImagingIdentity | None = None
) -> Diagnosis:
    """What a model says of an image that came at a time, in µs since 1970: all but names, and the image.

    `identity` is that of a DICOM image.
    """
    diagnosis = Diagnosis(
        probabilities=[
            ClassProbability(label=name, probability=float(value))
            for name, value in zip(model.classes, answer.probabilities, strict=True)
        ],
        model_version=model.name,
        model_sha256=weights_sha256(model),
        preprocessing_digest=pipeline_of(model).digest,
    )
    diagnosis.create_time.FromMicroseconds(arrived)
    if identity is not None:
        diagnosis.imaging_study_uid = identity.imaging_study_uid
        diagnosis.sop_instance_uid = identity.sop_instance_uid
    if answer.refused:
        diagnosis.refusal.CopyFrom(_UNLIKE)
    diagnosis.label = label_of(model, answer)
    if answer.in_set is not None:
        coverage = model.reliability.conformal.coverage
        diagnosis.prediction_set.CopyFrom(PredictionSet(labels=_named(model.classes, answer.in_set), coverage=coverage))
    if model.reliability.HasField("out_of_distribution"):
        limit = model.reliability.out_of_distribution.threshold
        diagnosis.strangeness.CopyFrom(Strangeness(score=answer.strangeness, threshold=limit))
    return diagnosis


def label_of(model: ModelVersion, answer: Answer) -> str:
    """The label of a diagnosis: the class answered, or the findings; empty for an image that is refused."""
    if answer.refused:
        return ""
    if model.output != ModelOutput.MODEL_OUTPUT_FINDINGS:
        return model.classes[answer.predicted]
    found = _named(model.classes, answer.probabilities >= _PRESENT)
    return SEPARATOR.join(found) or none_word(model)


def none_word(model: ModelVersion) -> str:
    """What a model of findings calls an image without any."""
    return str(MessageToDict(model.config).get("no_finding") or "no finding")


def _named(classes: Sequence[str], chosen: NDArray[np.bool_]) -> list[str]:
    return [name for name, one in zip(classes, chosen, strict=True) if one]
