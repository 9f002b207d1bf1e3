"""A published classifier, ready to be asked. Safe for use from several threads: nothing changes after loading."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from google.protobuf.json_format import MessageToDict
from numpy.typing import NDArray
from torch import Tensor

from synthoscope import models
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelOutput, ModelVersion
from synthoscope.classifier.answering import Answering, Answers, load_detector
from synthoscope.classifier.config import Head, Output
from synthoscope.classifier.network_outputs import outputs_of
from synthoscope.classifier.networks import Network, build_network, to_input
from synthoscope.classifier.outputs import Outputs
from synthoscope.classifier.presets import PRESETS
from synthoscope.classifier.reliability.out_of_distribution import Detector
from synthoscope.images.centre_view import centre_view
from synthoscope.images.preprocessing import Pipeline
from synthoscope.models.preprocessing import pipeline_of
from synthoscope.models.weights import load_weights
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import DataLoss, FailedPrecondition, InvalidInput

LARGEST_BATCH = 128
"""Images that go through the network at once; more are taken in turns, so that memory stays bounded."""


@dataclass(frozen=True)
class Classifier:
    """A model version with its network, whose parameters are frozen, on the CPU or another device."""

    record: ModelVersion
    network: Network
    device: torch.device
    detector: Detector | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of every probability vector."""
        return tuple(self.record.classes)

    @property
    def image_size(self) -> int:
        """Side of the square images it takes, pixels."""
        return self.record.image_size

    @property
    def gives_findings(self) -> bool:
        """Whether an image can have any number of its classes."""
        return self.answering.gives_findings

    @cached_property
    def answering(self) -> Answering:
        """What its outputs mean."""
        return Answering(self.record, self.detector)

    @cached_property
    def pipeline(self) -> Pipeline:
        """What makes its input of a decoded image."""
        return pipeline_of(self.record)

    @cached_property
    def evaluation_crop(self) -> float:
        """The share of either side that its network does not look at."""
        # Versions from before there was a choice have none.
        config = MessageToDict(self.record.config)
        return float(config.get("evaluation_crop", 0.0))

    def input(self, images: NDArray[np.uint8]) -> Tensor:
        """What its network sees, float32 N×3×S×S on its device, of images uint8 N×S×S×3 as its pipeline makes them."""
        # A copy, since torch does not take arrays that are read only, as memory-mapped and shared ones are.
        pixels = to_input(torch.tensor(images).to(self.device))
        return self.pipeline.normalization.apply(centre_view(pixels, self.evaluation_crop))

    def class_index(self, label: str, field: str = "label") -> int:
        """The position of a class. Raises InvalidInput, naming `field`, when it is not one of the model's."""
        if label not in self.classes:
            raise InvalidInput(field, f"must be one of the model's classes: {', '.join(self.classes)}")
        return self.classes.index(label)

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Calibrated class probabilities, float32 N×C, of images uint8 N×S×S×3 as its pipeline makes them.

        Raises InvalidInput, naming "images", for another shape or type.
        """
        return self.calibrated(self.outputs(images).logits)

    def answer(self, images: NDArray[np.uint8]) -> Answers:
        """Probabilities, prediction sets and refusals of images as for `predict`; raises as it does."""
        return self.answers_of(images, self.outputs(images))

    def answers_of(self, images: NDArray[np.uint8], outputs: Outputs) -> Answers:
        """The answers that a network's outputs for images mean."""
        return self.answering.answers(images, outputs)

    def calibrated(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """The probabilities, float32 N×C, that logits N×C stand for."""
        return self.answering.calibrated(logits)

    def outputs(self, images: NDArray[np.uint8]) -> Outputs:
        """Logits and features of images as for `predict`; raises as it does."""
        check_images(self, images)
        parts = [self._outputs(images[at : at + LARGEST_BATCH]) for at in range(0, len(images), LARGEST_BATCH)]
        if not parts:
            return Outputs(np.zeros((0, len(self.classes)), np.float32), np.zeros((0, 0), np.float32))
        return Outputs(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    @torch.inference_mode()
    def _outputs(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        logits, features = outputs_of(self.network, self.input(images))
        return logits.cpu().numpy(), features.cpu().numpy()


def load_classifier(objects: ObjectStore, name: str, device: torch.device | str = "cpu") -> Classifier:
    """The classifier of a model version's name.

    Raises InvalidInput or NotFound for the name, FailedPrecondition when it is not a classifier or its network is
    unknown to this version of the code, DataLoss when its weights are damaged or are not those of its network.
    """
    record = models.get(objects, name)
    if record.kind != ModelKind.MODEL_KIND_CLASSIFIER:
        raise FailedPrecondition(f"{record.name} is not a classifier")
    network = network_of(record)
    try:
        network.load_state_dict(load_weights(objects, record))
    except RuntimeError as error:
        raise DataLoss(f"the weights of {record.name} are not those of its network {record.preset}") from error
    network.requires_grad_(False).eval().to(device)
    return Classifier(record, network, torch.device(device), load_detector(objects, record))


def network_of(record: ModelVersion) -> Network:
    """A classifier version's network with random weights. Raises FailedPrecondition when it is not known here."""
    if record.preset not in PRESETS:
        raise FailedPrecondition(f"{record.name} has the network {record.preset}, which is not known here")
    # Versions from before heads could be chosen have none.
    head = Head(str(record.config["head"])) if "head" in record.config else None
    output = Output.FINDINGS if record.output == ModelOutput.MODEL_OUTPUT_FINDINGS else Output.SOFTMAX
    return build_network(record.preset, len(record.classes), image_size=record.image_size, head=head, output=output)


def check_images(classifier: Classifier, images: NDArray[np.uint8]) -> None:
    """Raises InvalidInput, naming "images", unless they are uint8 N×S×S×3 with the classifier's side S."""
    side = classifier.image_size
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (side, side, 3):
        raise InvalidInput("images", f"must be uint8, N×{side}×{side}×3, not {images.dtype} {images.shape}")
