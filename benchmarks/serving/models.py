"""Models to serve: published by the platform itself, and barely trained, for they take as long as good ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig
from synthoscope.client import Client


@dataclass(frozen=True)
class Model:
    """One to choose: a preset at a size."""

    name: str
    preset: str
    side: int


@dataclass(frozen=True)
class Published:
    """A version of a model, and its exported network."""

    model: Model
    version: str
    onnx: Path


MODELS: Mapping[str, Model] = {
    model.name: model
    for model in (
        Model("cnn-128", "cnn-128", 128),
        Model("efficientnet-lite0-128", "efficientnet-lite0", 128),
        Model("efficientnet-lite0-224", "efficientnet-lite0", 224),
    )
}


def published(client: Client, dataset: str, model: Model, folder: Path) -> Published:
    """Trains a version on a dataset version and publishes it. A pretrained backbone stays as it is."""
    config = ClassifierTrainingConfig(preset=model.preset, image_size=model.side, epochs=1, robustness_images=0)
    if model.preset != "cnn-128":
        config.frozen_epochs = -1
    version = client.jobs.wait(client.models.train_classifier(dataset, model.name, config).name).result
    onnx = folder / f"{model.name}.onnx"
    onnx.write_bytes(client.models.download(client.models.get(version), "model.onnx"))
    return Published(model, version, onnx)
