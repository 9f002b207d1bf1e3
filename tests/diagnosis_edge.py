"""The diagnosis edge with a model that needs no training, and stores in memory."""

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
from seen_brightness import CLASSES, SeenBrightness

from services.classification.batching import BatchingSettings
from services.classification.classifiers import Classifiers
from services.classification.offering import offered
from synthoscope import models
from synthoscope.api.classification.v1 import classification_service_pb2 as messages
from synthoscope.api.classification.v1.classification_service_pb2_grpc import DiagnosisServiceStub
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion, Reliability
from synthoscope.images.decoders import Decoders
from synthoscope.images.intake import Intake
from synthoscope.images.storage import encode_png
from synthoscope.jobs.memory import InMemoryJobStore, InMemoryWorkQueue
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import InMemoryObjectStore
from synthoscope.pseudonyms import Pseudonyms
from synthoscope.rpc.channel import open_channel
from synthoscope.rpc.server import Registration
from synthoscope.rpc.testing import running_server
from synthoscope.saliency.request import Explanations
from synthoscope.trail import Trail

TENANT = "tenants/default"


class Edge:
    """The edge, and what a test needs to ask it and look behind it: `stub` and `server` once it runs."""

    def __init__(self):
        self.objects = InMemoryObjectStore()
        self.queue = InMemoryWorkQueue(limit=2)
        self.explanations = Explanations(self.objects, self.queue)
        self.jobs = Jobs(self.objects, InMemoryJobStore())
        self.model = SeenBrightness(self.objects)
        record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, classes=CLASSES, image_size=8)
        self.classifier = models.publish(self.objects, f"{TENANT}/models/cnn", record, {"weights.safetensors": b"w"})
        self.gan = models.publish(
            self.objects, f"{TENANT}/models/gan", ModelVersion(kind=ModelKind.MODEL_KIND_GAN), {"w": b"w"}
        )
        self.published = self.keys()

    def keys(self):
        return [info.key for info in self.objects.list("")]

    def stored_since(self):
        """Keys, but for those of the audit trail, which denied calls are on."""
        return sorted(key for key in set(self.keys()) - set(self.published) if not key.startswith("trail/"))

    def ask(self, data=b"", model=None, **fields):
        fields = {"image_name": fields["image_name"]} if "image_name" in fields else {"data": data, **fields}
        request = messages.DiagnoseRequest(parent=TENANT, model_version=model or self.classifier.name, **fields)
        return self.stub.Diagnose(request, timeout=10)

    def refused(self, *arguments, **fields):
        """The status of a refused diagnosis; nothing may be stored."""
        with pytest.raises(grpc.RpcError) as error:
            self.ask(*arguments, **fields)
        assert self.stored_since() == []
        assert "Traceback" not in error.value.details()
        return error.value.code().name, error.value.details()


def registrations(
    edge: Edge, trail: Trail, decoders: Decoders, pseudonyms: Pseudonyms, *, refuse_identifiers: bool = False
) -> list[Registration]:
    """All services that the classification process offers; the queue has four places, a call carries four images."""
    batching = BatchingSettings(max_queue=4, max_batch=4, max_wait=0.02, calls_in_flight=1)
    intake = Intake(edge.objects, pseudonyms, decoders, refuse_identifiers)
    classifiers = Classifiers(edge.objects, edge.model, batching)
    threads = ThreadPoolExecutor(2)
    return offered(intake, edge.explanations, classifiers, trail, edge.jobs, threads, lambda: None)


@contextlib.contextmanager
def running_edge(decoders: Decoders, pseudonyms: Pseudonyms) -> Iterator[Edge]:
    """One within the test's process, whose explanations' queue has two places."""
    edge = Edge()
    trail = Trail(edge.objects, "edge")
    offered = registrations(edge, trail, decoders, pseudonyms)
    with (
        running_server(offered, on_denied=trail.note_denial) as server,
        open_channel(server.address, server.token) as channel,
    ):
        edge.server, edge.stub = server, DiagnosisServiceStub(channel)
        yield edge


def png(level, width=20, height=10, pixels=None):
    return encode_png(np.full((height, width), level, np.uint8) if pixels is None else pixels)


def wait_for(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def published(edge, **reliability):
    record = ModelVersion(
        kind=ModelKind.MODEL_KIND_CLASSIFIER,
        classes=CLASSES,
        image_size=8,
        reliability=Reliability(**reliability),
    )
    files = {"weights.safetensors": record.SerializeToString()}
    return models.publish(edge.objects, f"{TENANT}/models/careful", record, files).name
