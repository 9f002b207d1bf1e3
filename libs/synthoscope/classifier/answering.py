"""What a classifier's outputs mean: calibrated probabilities, the class answered, prediction sets, refusals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthoscope.api.models.v1.models_pb2 import ModelOutput, ModelVersion
from synthoscope.classifier.outputs import Outputs
from synthoscope.classifier.reliability.conformal import prediction_sets
from synthoscope.classifier.reliability.histograms import input_statistics
from synthoscope.classifier.reliability.operating_point import decide, operating_point_of
from synthoscope.classifier.reliability.out_of_distribution import STATISTICS, THRESHOLD, Detector, views_of
from synthoscope.classifier.reliability.temperature import finding_probabilities, log_probabilities, probabilities
from synthoscope.models.arrays import load_arrays
from synthoscope.models.versions import BANK
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import DataLoss

INPUTS = ("brightness", "contrast", "sharpness")
"""What `input_statistics` measures, in its order, which the view `statistics` begins with."""


@dataclass(frozen=True)
class Answer:
    """What a classifier says of one image: a row of Answers."""

    probabilities: NDArray[np.float32]
    predicted: int
    strangeness: float
    refused: bool
    in_set: NDArray[np.bool_] | None
    inputs: NDArray[np.float32]

    @property
    def uncertain(self) -> bool:
        """Whether somebody should look at it: it is refused, or its set does not hold exactly one class."""
        return self.refused or self.in_set is None or int(self.in_set.sum()) != 1


@dataclass(frozen=True)
class Answers:
    """What a classifier says of N images.

    `probabilities` float32 N×C, calibrated; `predicted` int64 N, the class answered (of findings the likeliest, which
    says little); `strangeness` float32 N, 0 when the model cannot tell; `refused` N: images too unlike the training
    images for their probabilities to mean anything; `sets` bool N×C, the classes that cannot be ruled out, None when
    the model has no prediction sets; `inputs` float32 N×3, what the images are like, as INPUTS names it.
    """

    probabilities: NDArray[np.float32]
    predicted: NDArray[np.int64]
    strangeness: NDArray[np.float32]
    refused: NDArray[np.bool_]
    sets: NDArray[np.bool_] | None
    inputs: NDArray[np.float32]

    def take(self, rows: NDArray[np.bool_]) -> "Answers":
        """Those to some images."""
        return Answers(
            self.probabilities[rows],
            self.predicted[rows],
            self.strangeness[rows],
            self.refused[rows],
            None if self.sets is None else self.sets[rows],
            self.inputs[rows],
        )

    def each(self) -> Sequence[Answer]:
        """The answer to each image."""
        return [
            Answer(
                self.probabilities[row],
                int(self.predicted[row]),
                float(self.strangeness[row]),
                bool(self.refused[row]),
                None if self.sets is None else self.sets[row],
                self.inputs[row],
            )
            for row in range(len(self.probabilities))
        ]


@dataclass(frozen=True)
class Answering:
    """How a model version's outputs become answers. `detector` tells unlike images; None when the version cannot."""

    record: ModelVersion
    detector: Detector | None = None

    @property
    def gives_findings(self) -> bool:
        """Whether an image can have any number of its classes."""
        return self.record.output == ModelOutput.MODEL_OUTPUT_FINDINGS

    def answers(self, images: NDArray[np.uint8], outputs: Outputs) -> Answers:
        """The answers that a network's outputs for images uint8 N×S×S×3 mean."""
        strangeness, refused = np.zeros(len(images), np.float32), np.zeros(len(images), bool)
        if self.detector is not None and len(images):
            seen = views_of(images, outputs.features)
            inputs = seen[STATISTICS][:, : len(INPUTS)]
            strangeness = self.detector.scores(seen)
            refused = strangeness > THRESHOLD
        else:
            inputs = np.stack([*input_statistics(images).values()], axis=1).astype(np.float32)
        sets = None
        if self.record.reliability.HasField("conformal"):
            logarithms = log_probabilities(outputs.logits, self._temperature)
            sets = prediction_sets(logarithms, self.record.reliability.conformal.threshold)
            calibrated = np.exp(logarithms).astype(np.float32)
        else:
            calibrated = self.calibrated(outputs.logits)
        predicted = decide(calibrated, self.record.classes, operating_point_of(self.record))
        return Answers(calibrated, predicted, strangeness, refused, sets, inputs)

    def calibrated(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """The probabilities, float32 N×C, that logits N×C stand for."""
        return (finding_probabilities if self.gives_findings else probabilities)(logits, self._temperature)

    @property
    def _temperature(self) -> float:
        return self.record.reliability.temperature or 1.0


def load_detector(objects: ObjectStore, record: ModelVersion) -> Detector | None:
    """What tells images unlike a version's training images; None for versions from before there was one.

    Raises DataLoss when it is damaged.
    """
    if not any(file.path == BANK for file in record.files):
        return None
    try:
        return Detector.from_tensors(load_arrays(objects, record, BANK))
    except (KeyError, ValueError) as error:
        raise DataLoss(f"{BANK} of {record.name} lacks what is needed to tell unlike images") from error
