"""A published classifier without torch: its ONNX model, from 8-bit pixels on, in ONNX Runtime on the CPU."""

from dataclasses import dataclass

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from synthoscope import models
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.classifier.answering import Answering, Answers, load_detector
from synthoscope.classifier.outputs import Outputs
from synthoscope.models.versions import ONNX
from synthoscope.objects import ObjectStore
from synthoscope.onnx_sessions import open_session
from synthoscope.rpc.errors import DataLoss, FailedPrecondition


@dataclass(frozen=True)
class OnnxClassifier:
    """A version's exported network, and what its outputs mean. Safe for use from several threads."""

    answering: Answering
    session: onnxruntime.InferenceSession

    @property
    def record(self) -> ModelVersion:
        """The version."""
        return self.answering.record

    def outputs(self, images: NDArray[np.uint8]) -> Outputs:
        """Logits and features of images uint8 N×S×S×3 as the version's pipeline makes them."""
        [given] = self.session.get_inputs()
        return Outputs(*self.session.run(None, {given.name: np.ascontiguousarray(images)}))

    def answer(self, images: NDArray[np.uint8]) -> Answers:
        """Probabilities, prediction sets and refusals of images as for `outputs`."""
        return self.answering.answers(images, self.outputs(images))


def has_onnx(record: ModelVersion) -> bool:
    """Whether a version was exported: those from before there was an export were not."""
    return any(file.path == ONNX for file in record.files)


def load_onnx(objects: ObjectStore, name: str, threads: int = 1) -> OnnxClassifier:
    """The classifier of a model version's name, on so many threads.

    Raises InvalidInput or NotFound for the name, or when it was not exported; FailedPrecondition when it is not a
    classifier; DataLoss when a file of it is damaged.
    """
    record = models.get(objects, name)
    if record.kind != ModelKind.MODEL_KIND_CLASSIFIER:
        raise FailedPrecondition(f"{record.name} is not a classifier")
    data = models.read_file(objects, record, ONNX)
    try:
        session = open_session(data, threads)
    except ValueError as error:
        raise DataLoss(f"{ONNX} of {record.name} {error}") from error
    return OnnxClassifier(Answering(record, load_detector(objects, record)), session)
