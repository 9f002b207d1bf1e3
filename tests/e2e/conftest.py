"""One real stack for all end-to-end tests: SeaweedFS, Valkey, Ray, the five services."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig, GanTrainingConfig
from synthoscope.client import Client, ClientSettings
from synthoscope.datasets.phantoms import write_dataset
from synthoscope.local.stack import running
from synthoscope.local.state import StackState


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackState]:
    with running(tmp_path_factory.mktemp("stack")) as state:
        yield state


@pytest.fixture(scope="session")
def client(stack: StackState) -> Iterator[Client]:
    with Client(ClientSettings.find(stack.home)) as client:
        yield client


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 training and 10 test images of each of four classes."""
    folder = tmp_path_factory.mktemp("phantoms")
    write_dataset(folder, 40, 10, 64, 7)
    return folder


@pytest.fixture(scope="session")
def dataset(client: Client, phantoms: Path) -> str:
    """The name of the imported phantoms' version."""
    return client.datasets.import_source(phantoms, "e2e").name


@pytest.fixture(scope="session")
def gan_config() -> GanTrainingConfig:
    """15 steps."""
    return GanTrainingConfig(preset="dcgan-64", epochs=3, batch_size=32, seed=11)


@pytest.fixture(scope="session")
def gan(client: Client, dataset: str, gan_config: GanTrainingConfig) -> str:
    """The name of a model version that was trained undisturbed."""
    return client.jobs.wait(client.models.train_gan(dataset, "undisturbed", gan_config).name).result


@pytest.fixture(scope="session")
def model(client: Client, dataset: str) -> str:
    """The name of a classifier that was trained for one epoch: it answers, and knows little."""
    config = ClassifierTrainingConfig(preset="cnn-64", epochs=1, batch_size=32)
    return client.jobs.wait(client.models.train_classifier(dataset, "one-epoch", config).name).result
