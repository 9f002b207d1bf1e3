"""What `helm test` does: asks every service for its health, and has a model diagnose an image, with an explanation.

The model is a small one, trained on images that this script makes. What it makes stays, under the name `helm-test`.
Where callers must show a certificate it asks for health alone, because the client can show none.
"""

import os
import sys
import tempfile
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig
from synthoscope.client import Client, ClientSettings
from synthoscope.datasets.phantoms import write_dataset

SERVICES = ("training", "synthesis", "classification", "explanation", "tuning")
TLS = Path("/etc/synthoscope/tls")
NAME = "helm-test"


def healthy(address: str) -> bool:
    """Whether a service says SERVING."""
    if (TLS / "ca.crt").exists():
        certificate, key = (TLS / "tls.crt").read_bytes(), (TLS / "tls.key").read_bytes()
        credentials = grpc.ssl_channel_credentials((TLS / "ca.crt").read_bytes(), key, certificate)
        channel = grpc.secure_channel(address, credentials)
    else:
        channel = grpc.insecure_channel(address)
    with channel:
        request = health_pb2.HealthCheckRequest(service="")
        answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=60, wait_for_ready=True)
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def trained(client: Client, folder: Path) -> str:
    """The name of a small model, trained now."""
    write_dataset(folder, train_per_class=20, test_per_class=5, size=64)
    dataset = client.datasets.import_source(folder, NAME).name
    config = ClassifierTrainingConfig(preset="cnn-64", epochs=2)
    return client.jobs.wait(client.models.train_classifier(dataset, NAME, config).name).result


def diagnosed(client: Client) -> None:
    """Prints what a small model says of an image, and where it looked. Raises SynthoscopeError when it cannot."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = trained(client, folder)
        print("trained", model, flush=True)
        image = next((folder / "test").rglob("*.png")).read_bytes()
    diagnosis = client.diagnoses.diagnose(image, model, explain=True)
    overlay = client.diagnoses.overlay(client.diagnoses.wait(diagnosis.explanation))
    print("diagnosed", diagnosis.label or "(refused)", "explained by", len(overlay), "bytes of PNG")


def main() -> int:
    """0 when all is well."""
    settings = ClientSettings()  # type: ignore[call-arg]  # from the environment
    unwell = [name for name in SERVICES if not healthy(getattr(settings.endpoints, name))]
    print("not serving:", ", ".join(unwell) or "none", flush=True)
    if unwell:
        return 1
    if os.environ.get("RELEASE_TEST_DIAGNOSE") == "true":
        with Client(settings) as client:
            diagnosed(client)
    return 0


if __name__ == "__main__":
    sys.exit(main())
